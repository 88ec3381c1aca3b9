import BorgFormat

/// A server's answer to one request.
struct Reply: Sendable {
  var message: Int64
  var outcome: Result<MessagePackValue, ServerFailure>
}

/// Cuts a server's replies out of the bytes that come, in whatever pieces. Bounded: a reply longer than Borg's own
/// limit ends the connection.
struct ReplyDecoder {
  /// So many bytes may wait for the end of their reply.
  static let maximumBytes = 62_914_560
  private static let shownBytes = 128

  private var bytes: [UInt8] = []
  private var head = 0
  private var scanner = FrameScanner()

  mutating func append(_ new: UnsafeRawBufferPointer) throws {
    if head > 0, head == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.count < 4 << 20)
      head = 0
    } else if head > 1 << 20, head > bytes.count / 2 {
      bytes.removeFirst(head)
      head = 0
    }
    bytes.append(contentsOf: new)
    guard bytes.count - head <= ReplyDecoder.maximumBytes else {
      throw RemoteError.unexpectedData(Array(bytes[head...].prefix(ReplyDecoder.shownBytes)))
    }
  }

  /// Nil: more bytes are needed. Throws `RemoteError.unexpectedData` for what is no reply.
  mutating func next() throws -> Reply? {
    guard head < bytes.count else { return nil }
    let found = try bytes.withUnsafeBytes { bytes -> (reply: Reply, size: Int)? in
      let rest = UnsafeRawBufferPointer(rebasing: bytes[head...])
      do throws(MessagePackReader.Failure) {
        guard let size = try scanner.scan(rest) else { return nil }
        var reader = MessagePackReader(rest)
        return (try ReplyDecoder.reply(&reader), size)
      } catch {
        throw RemoteError.unexpectedData(Array(rest.prefix(ReplyDecoder.shownBytes)))
      }
    }
    guard let found else { return nil }
    head += found.size
    scanner = FrameScanner()
    return found.reply
  }

  private static func reply(_ reader: inout MessagePackReader) throws(MessagePackReader.Failure) -> Reply {
    switch try reader.readValue() {
    case .map(let entries):
      let map = MessagePackValue.map(entries)
      guard let message = map["i"]?.intValue else { throw .malformed("a reply without a number") }
      if let className = map["exception_class"] {
        return Reply(message: message, outcome: .failure(failure(className, map)))
      }
      guard let result = map["r"] else { throw .malformed("a reply without a result") }
      return Reply(message: message, outcome: .success(result))
    case .array(let elements) where elements.count == 4:
      guard let message = elements[1].intValue else { throw .malformed("a reply without a number") }
      guard elements[2] == .null else {
        return Reply(message: message, outcome: .failure(ServerFailure(className: text(elements[2]))))
      }
      return Reply(message: message, outcome: .success(elements[3]))
    default: throw .malformed("no reply")
    }
  }

  private static func failure(_ className: MessagePackValue, _ map: MessagePackValue) -> ServerFailure {
    func texts(_ key: String) -> [String] { map[key]?.arrayValue?.map(text) ?? [] }
    return ServerFailure(
      className: text(className), arguments: texts("exception_args"), short: texts("exception_short"),
      full: texts("exception_full"))
  }

  private static func text(_ value: MessagePackValue) -> String {
    switch value {
    case .raw(let bytes): String(decoding: bytes, as: UTF8.self)
    case .int(let number): "\(number)"
    default: ""
    }
  }
}
