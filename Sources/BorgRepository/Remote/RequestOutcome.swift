import BorgFormat

/// What a request comes to.
enum RequestOutcome {
  case nothing
  case flag(Bool)
  case number(UInt64)
  case object([UInt8])
  case ids([ChunkID])
  case serverVersion([Int64])

  func write(to writer: inout MessagePackWriter) {
    switch self {
    case .nothing: writer.writeNil()
    case .flag(let flag): writer.writeBool(flag)
    case .number(let number): writer.writeUInt(number)
    case .object(let object): writer.writeRaw(object)
    case .ids(let ids):
      writer.writeArrayHeader(ids.count)
      for id in ids { writer.writeID(id) }
    case .serverVersion(let numbers):
      writer.writeMapHeader(1)
      writer.writeRaw("server_version")
      writer.write(.array(numbers.map { .int($0) }))
    }
  }
}
