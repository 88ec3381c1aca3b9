/// Reads msgpack values one after another from bytes that someone else keeps alive. Every length is checked against
/// what is there before it is used; nesting is bounded. Accepts every encoding of a type (str8, bin, any int width).
public struct MessagePackReader {
  public let bytes: UnsafeRawBufferPointer
  public private(set) var offset: Int

  public enum Failure: Error, Equatable {
    /// The input ends inside a value: more bytes might complete it.
    case truncated
    /// What stands here is not of the wanted type, or not msgpack at all.
    case malformed(String)
  }

  public init(_ bytes: UnsafeRawBufferPointer, offset: Int = 0) {
    self.bytes = bytes
    self.offset = offset
  }
  public var isAtEnd: Bool { offset >= bytes.count }
  public mutating func readMapHeader() throws(Failure) -> Int { fatalError("contract: BorgFormat") }
  public mutating func readArrayHeader() throws(Failure) -> Int { fatalError("contract: BorgFormat") }
  public mutating func readRaw() throws(Failure) -> UnsafeRawBufferPointer { fatalError("contract: BorgFormat") }
  public mutating func readInt() throws(Failure) -> Int64 { fatalError("contract: BorgFormat") }
  public mutating func readBool() throws(Failure) -> Bool { fatalError("contract: BorgFormat") }
  /// Consumes a nil when one stands here.
  public mutating func skipNil() throws(Failure) -> Bool { fatalError("contract: BorgFormat") }
  public mutating func skipValue() throws(Failure) { fatalError("contract: BorgFormat") }
  public mutating func readValue() throws(Failure) -> MessagePackValue { fatalError("contract: BorgFormat") }
}

extension MessagePackValue {
  /// Decodes exactly one value that fills `bytes`. Throws `FormatError`.
  public init(decoding bytes: [UInt8]) throws { fatalError("contract: BorgFormat") }
  public func encoded() -> [UInt8] { fatalError("contract: BorgFormat") }
}
