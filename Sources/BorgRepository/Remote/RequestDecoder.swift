import BorgFormat

/// A request out of its frame: how to address the answer, and what is asked for or why that cannot be told.
struct ReceivedRequest: Sendable {
  var addressee: Addressee
  var content: Result<RepositoryRequest, ServingError>

  struct Addressee: Sendable, Equatable {
    /// The client's number for it: any integer, as it came.
    var message: MessagePackValue
    /// In the form of Borg 1.0, in which it is answered then.
    var isPositional: Bool
  }

  /// Bytes that it keeps in memory.
  var byteCount: Int {
    switch content {
    case .success(.put(_, let object)): 128 &+ object.count
    case .success(.saveKey(let key)): 128 &+ key.count
    case .success(.open(let opening)): 128 &+ opening.path.count
    default: 128
    }
  }
}

/// Cuts a client's requests out of the bytes that come, in whatever pieces: in linear time and bounded memory, and it
/// makes no more of them than a request has fields.
public struct RequestDecoder {
  private static let maximumMethodLength = 128

  private var buffer = FrameBuffer()

  public init() {}

  /// Bytes that wait for the rest of their request.
  public var pendingByteCount: Int { buffer.pendingByteCount }

  public mutating func append(_ new: some Sequence<UInt8>) { buffer.append(new) }

  /// Nil: more bytes are needed. Throws `ServingError.unexpectedData` for what is no request: the stream cannot be
  /// trusted any more.
  mutating func next() throws(ServingError) -> ReceivedRequest? {
    do throws(MessagePackReader.Failure) {
      return try buffer.next { frame throws(MessagePackReader.Failure) in try RequestDecoder.request(frame) }
    } catch {
      throw .unexpectedData
    }
  }
}

extension RequestDecoder {
  private static func request(_ frame: UnsafeRawBufferPointer) throws(MessagePackReader.Failure) -> ReceivedRequest {
    var reader = MessagePackReader(frame)
    if let count = try? reader.readArrayHeader() {
      guard count == 4 else { throw .malformed("no request") }
      try reader.skipValue()
      let message = try readMessage(&reader)
      let method = try readMethod(&reader)
      return received(frame, message, method, at: reader.offset, isPositional: true)
    }
    return try namedRequest(frame, &reader)
  }

  private static func namedRequest(
    _ frame: UnsafeRawBufferPointer, _ reader: inout MessagePackReader
  ) throws(MessagePackReader.Failure) -> ReceivedRequest {
    var message: MessagePackValue?
    var method: String?
    var arguments: Int?
    let count = try reader.readMapHeader()
    guard count <= 16 else { throw .malformed("no request") }
    for _ in 0..<count {
      let key = try reader.readRaw()
      if key.equals("i") {
        message = try readMessage(&reader)
      } else if key.equals("m") {
        method = try readMethod(&reader)
      } else {
        if key.equals("a") { arguments = reader.offset }
        try reader.skipValue()
      }
    }
    guard let message, let method, let arguments else { throw .malformed("no request") }
    return received(frame, message, method, at: arguments, isPositional: false)
  }

  private static func received(
    _ frame: UnsafeRawBufferPointer, _ message: MessagePackValue, _ name: String, at arguments: Int, isPositional: Bool
  ) -> ReceivedRequest {
    let addressee = ReceivedRequest.Addressee(message: message, isPositional: isPositional)
    guard let method = RepositoryRequest.Method(rawValue: name) else {
      return ReceivedRequest(addressee: addressee, content: .failure(.unknownMethod(name)))
    }
    let positions = isPositional ? method.positions : nil
    do {
      let request = try method.request(RequestArguments(frame, at: arguments, positions: positions))
      return ReceivedRequest(addressee: addressee, content: .success(request))
    } catch {
      let refusal = error as? ServingError ?? .badArgument("\(error)")
      return ReceivedRequest(addressee: addressee, content: .failure(refusal))
    }
  }

  private static func readMessage(
    _ reader: inout MessagePackReader
  ) throws(MessagePackReader.Failure) -> MessagePackValue {
    let start = reader
    if let number = try? reader.readInt() { return .int(number) }
    reader = start
    return .uint(try reader.readUInt())
  }

  private static func readMethod(_ reader: inout MessagePackReader) throws(MessagePackReader.Failure) -> String {
    let raw = try reader.readRaw()
    guard raw.count <= maximumMethodLength else { throw .malformed("method name too long") }
    return String(decoding: raw, as: UTF8.self)
  }
}
