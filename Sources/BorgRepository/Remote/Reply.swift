import BorgFormat

/// A server's answer to one request.
struct Reply: Sendable {
  var message: Int64
  var outcome: Result<MessagePackValue, ErrorReport>
}

/// Cuts a server's replies out of the bytes that come, in whatever pieces: in linear time and bounded memory.
struct ReplyDecoder {
  /// A decoded value takes some tens of bytes, however few it came in; ids and texts are longer than this.
  private var buffer = FrameBuffer(bytesPerValue: 16)

  private static let shownBytes = 128

  /// Bytes that wait for the rest of their reply.
  var pendingByteCount: Int { buffer.pendingByteCount }

  mutating func append(_ new: some Sequence<UInt8>) { buffer.append(new) }

  /// Nil: more bytes are needed. Throws `RemoteError.unexpectedData` for what is no reply.
  mutating func next() throws(RemoteError) -> Reply? {
    do throws(MessagePackReader.Failure) {
      return try buffer.next { frame throws(MessagePackReader.Failure) in
        var reader = MessagePackReader(frame)
        return try ReplyDecoder.reply(&reader)
      }
    } catch {
      throw .unexpectedData(buffer.pendingPrefix(ReplyDecoder.shownBytes))
    }
  }

  private static func reply(_ reader: inout MessagePackReader) throws(MessagePackReader.Failure) -> Reply {
    switch try reader.readValue() {
    case .map(let entries):
      let map = MessagePackValue.map(entries)
      guard let message = map["i"]?.intValue else { throw .malformed("a reply without a number") }
      if let className = map["exception_class"] {
        return Reply(message: message, outcome: .failure(ErrorReport(received: className, map)))
      }
      guard let result = map["r"] else { throw .malformed("a reply without a result") }
      return Reply(message: message, outcome: .success(result))
    case .array(let elements) where elements.count == 4:
      guard let message = elements[1].intValue else { throw .malformed("a reply without a number") }
      guard elements[2] == .null else {
        return Reply(message: message, outcome: .failure(ErrorReport(received: elements[2], .null)))
      }
      return Reply(message: message, outcome: .success(elements[3]))
    default: throw .malformed("no reply")
    }
  }
}
