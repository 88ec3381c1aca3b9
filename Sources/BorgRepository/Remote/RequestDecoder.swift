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

/// Cuts a client's requests out of the bytes that come, in whatever pieces. It keeps what has been looked at already,
/// so the time is linear; it holds at most `maximumBytes`, and makes no more of them than a request has fields.
public struct RequestDecoder {
  /// Borg's own limit for what waits to be decoded.
  public static let maximumBytes = 62_914_560
  private static let maximumMethodLength = 128

  private var bytes: [UInt8] = []
  private var head = 0
  private var scanner = FrameScanner()

  public init() {}

  /// Bytes that wait for the rest of their request.
  public var pendingByteCount: Int { bytes.count - head }

  public mutating func append(_ new: some Sequence<UInt8>) {
    discardDecoded()
    bytes.append(contentsOf: new)
  }

  /// Nil: more bytes are needed. Throws `ServingError.unexpectedData` for what is no request: the stream cannot be
  /// trusted any more.
  mutating func next() throws(ServingError) -> ReceivedRequest? {
    guard pendingByteCount > 0 else { return nil }
    do throws(MessagePackReader.Failure) {
      guard let size = try scan() else {
        guard pendingByteCount < RequestDecoder.maximumBytes else { throw .malformed("request too long") }
        return nil
      }
      let request = try decode(size)
      head += size
      scanner = FrameScanner()
      return request
    } catch {
      throw .unexpectedData
    }
  }

  private mutating func scan() throws(MessagePackReader.Failure) -> Int? {
    var scanner = scanner
    defer { self.scanner = scanner }
    return try frame(bytes.count - head) { frame throws(MessagePackReader.Failure) in try scanner.scan(frame) }
  }

  private func decode(_ size: Int) throws(MessagePackReader.Failure) -> ReceivedRequest {
    try frame(size) { frame throws(MessagePackReader.Failure) in try RequestDecoder.request(frame) }
  }

  private func frame<T>(
    _ size: Int, _ body: (UnsafeRawBufferPointer) throws(MessagePackReader.Failure) -> T
  ) throws(MessagePackReader.Failure) -> T {
    let result = bytes.withUnsafeBytes { bytes -> Result<T, MessagePackReader.Failure> in
      do throws(MessagePackReader.Failure) {
        return .success(try body(UnsafeRawBufferPointer(rebasing: bytes[head..<head + size])))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private mutating func discardDecoded() {
    if head == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= RequestDecoder.keptCapacity)
      head = 0
    } else if head >= RequestDecoder.keptCapacity || head > bytes.count / 2 {
      bytes.removeFirst(head)
      head = 0
    }
  }

  private static let keptCapacity = 4 << 20
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
