import BorgFormat

extension RepositoryRequest {
  /// The request as Borg's own client writes it: all arguments, defaults included, in Borg's order; puts and deletes as
  /// those that nobody waits for. `negotiate` alone travels in the old form (remote.md sections 6 and 7).
  func encoded(_ message: Int64) -> [UInt8] {
    var writer = MessagePackWriter()
    switch self {
    case .negotiate: RepositoryRequest.writeGreeting(message, &writer)
    case .put(let id, let object):
      writer.bytes.reserveCapacity(object.count + 80)
      writer.writeHead(message, method, argumentCount: 2)
      writer.write("id", id)
      writer.writeRaw("data")
      writer.writeRaw(object)
    case .get(let id), .delete(let id):
      writer.writeHead(message, method, argumentCount: 1)
      writer.write("id", id)
    default:
      let arguments = arguments
      writer.writeHead(message, method, argumentCount: arguments.count)
      for (name, value) in arguments {
        writer.writeRaw(name)
        writer.write(value)
      }
    }
    return writer.bytes
  }

  var method: Method {
    switch self {
    case .negotiate: .negotiate
    case .open: .open
    case .check: .check
    case .commit: .commit
    case .rollback: .rollback
    case .destroy: .destroy
    case .count: .count
    case .list: .list
    case .scan: .scan
    case .get: .get
    case .put: .put
    case .delete: .delete
    case .saveKey: .saveKey
    case .loadKey: .loadKey
    case .freeNonce: .freeNonce
    case .commitNonceReservation: .commitNonceReservation
    case .breakLock: .breakLock
    case .injectException: .injectException
    }
  }

  private var arguments: [(name: StaticString, value: MessagePackValue)] {
    switch self {
    case .open(let opening): opening.arguments
    case .check(let repair, let seconds):
      [("repair", .bool(repair)), ("save_space", .bool(false)), ("max_duration", .int(Int64(seconds)))]
    case .commit(let compacts, let threshold, let cleanup):
      [
        ("save_space", .bool(false)), ("compact", .bool(compacts)), ("threshold", .float(threshold)),
        ("cleanup_commits", .bool(cleanup)),
      ]
    case .list(let limit, let marker), .scan(let limit, let marker):
      [("limit", .of(limit)), ("marker", marker.map { .raw($0.bytes) } ?? .null)]
    case .saveKey(let key): [("keydata", .raw(key))]
    case .commitNonceReservation(let next, let start):
      [("next_unreserved", .of(next)), ("start_nonce", start.map { .of($0) } ?? .null)]
    case .injectException(let kind): [("kind", .raw(Array(kind.utf8)))]
    case .negotiate, .get, .put, .delete, .rollback, .destroy, .count, .loadKey, .freeNonce, .breakLock: []
    }
  }

  private static func writeGreeting(_ message: Int64, _ writer: inout MessagePackWriter) {
    writer.writeArrayHeader(4)
    writer.writeInt(1)
    writer.writeInt(message)
    writer.writeRaw("negotiate")
    writer.writeArrayHeader(1)
    writer.writeMapHeader(1)
    writer.writeRaw("client_version")
    writer.write(.array(ServerVersion.ours.numbers.map { .int($0) }))
  }
}

extension RepositoryRequest.Opening {
  fileprivate var arguments: [(name: StaticString, value: MessagePackValue)] {
    [
      ("path", .raw(path)), ("create", .bool(creates)), ("lock_wait", .of(lockWaitSeconds)), ("lock", .bool(locks)),
      ("exclusive", exclusive.map { .bool($0) } ?? .null), ("append_only", .bool(appendOnly)),
      ("make_parent_dirs", .bool(makesParentDirectories)),
    ] + (readsBesideWriters ? [("read_beside_writers", .bool(true))] : [])
  }
}

extension MessagePackValue {
  fileprivate static func of(_ number: Int?) -> MessagePackValue { number.map { .int(Int64($0)) } ?? .null }

  fileprivate static func of(_ number: UInt64) -> MessagePackValue {
    Int64(exactly: number).map { .int($0) } ?? .uint(number)
  }
}

extension MessagePackWriter {
  fileprivate mutating func writeHead(_ message: Int64, _ method: RepositoryRequest.Method, argumentCount: Int) {
    writeMapHeader(3)
    writeRaw("i")
    writeInt(message)
    writeRaw("m")
    writeRaw(Array(method.rawValue.utf8))
    writeRaw("a")
    writeMapHeader(argumentCount)
  }

  fileprivate mutating func write(_ name: StaticString, _ id: ChunkID) {
    writeRaw(name)
    writeID(id)
  }
}
