import BorgFormat

/// One request to a server: its method and named arguments, in the order in which Borg writes them (remote.md 7).
struct ServerCall {
  let method: StaticString
  private let arguments: [(name: StaticString, value: MessagePackValue)]

  init(_ method: StaticString, _ arguments: [(name: StaticString, value: MessagePackValue)] = []) {
    self.method = method
    self.arguments = arguments
  }

  func encoded(_ message: Int64) -> [UInt8] {
    var writer = ServerCall.head(message, method, arguments.count)
    for argument in arguments {
      writer.writeRaw(argument.name)
      writer.write(argument.value)
    }
    return writer.bytes
  }

  static func get(_ id: ChunkID, _ message: Int64) -> [UInt8] {
    var writer = head(message, "get", 1)
    writer.writeRaw("id")
    writer.writeID(id)
    return writer.bytes
  }

  /// A put that nobody waits for.
  static func put(_ id: ChunkID, _ object: [UInt8], _ message: Int64) -> [UInt8] {
    var writer = MessagePackWriter()
    writer.bytes.reserveCapacity(object.count + 80)
    writeHead(message, "put", 2, to: &writer)
    writer.writeRaw("id")
    writer.writeID(id)
    writer.writeRaw("data")
    writer.writeRaw(object)
    return writer.bytes
  }

  static func delete(_ id: ChunkID, _ message: Int64) -> [UInt8] {
    var writer = head(message, "delete", 1)
    writer.writeRaw("id")
    writer.writeID(id)
    return writer.bytes
  }

  /// The one request that travels in the old form.
  static func negotiation(_ message: Int64, version: [Int64]) -> [UInt8] {
    let data = MessagePackValue.map([
      .init(key: .raw(Array("client_version".utf8)), value: .array(version.map { .int($0) }))
    ])
    return MessagePackValue.array([.int(1), .int(message), .raw(Array("negotiate".utf8)), .array([data])]).encoded()
  }

  private static func head(_ message: Int64, _ method: StaticString, _ count: Int) -> MessagePackWriter {
    var writer = MessagePackWriter()
    writeHead(message, method, count, to: &writer)
    return writer
  }

  private static func writeHead(
    _ message: Int64, _ method: StaticString, _ count: Int, to writer: inout MessagePackWriter
  ) {
    writer.writeMapHeader(3)
    writer.writeRaw("i")
    writer.writeInt(message)
    writer.writeRaw("m")
    writer.writeRaw(method)
    writer.writeRaw("a")
    writer.writeMapHeader(count)
  }
}

/// A server's version, compared number by number: [major, minor, patch, -1] or a pre-release's two last numbers.
struct ServerVersion: Comparable, CustomStringConvertible {
  let numbers: [Int64]

  static let ours = ServerVersion(numbers: [1, 4, 5, -1])
  /// The oldest that is served.
  static let oldest = ServerVersion(numbers: [1, 1, 0, -4, 0])

  static func < (a: ServerVersion, b: ServerVersion) -> Bool { a.numbers.lexicographicallyPrecedes(b.numbers) }

  var description: String {
    let kinds: [Int64: String] = [-4: "a", -3: "b", -2: "rc", -9: ".dev"]
    let release = numbers.prefix(3).map { "\($0)" }.joined(separator: ".")
    guard numbers.count > 4, let kind = kinds[numbers[3]] else { return release }
    return "\(release)\(kind)\(numbers[4])"
  }
}
