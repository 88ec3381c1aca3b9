/// Appends msgpack in Borg's old dialect: raw16/raw32, never str8 or bin; integers in their shortest form.
public struct MessagePackWriter {
  public var bytes: [UInt8] = []
  public init() {}
  public mutating func writeMapHeader(_ count: Int) { fatalError("contract: BorgFormat") }
  public mutating func writeArrayHeader(_ count: Int) { fatalError("contract: BorgFormat") }
  public mutating func writeRaw(_ raw: [UInt8]) { fatalError("contract: BorgFormat") }
  public mutating func writeRaw(_ raw: UnsafeRawBufferPointer) { fatalError("contract: BorgFormat") }
  public mutating func writeRaw(_ text: StaticString) { fatalError("contract: BorgFormat") }
  public mutating func writeID(_ id: ChunkID) { fatalError("contract: BorgFormat") }
  public mutating func writeInt(_ value: Int64) { fatalError("contract: BorgFormat") }
  public mutating func writeUInt(_ value: UInt64) { fatalError("contract: BorgFormat") }
  public mutating func writeBool(_ value: Bool) { fatalError("contract: BorgFormat") }
  public mutating func writeNil() { fatalError("contract: BorgFormat") }
  public mutating func write(_ value: MessagePackValue) { fatalError("contract: BorgFormat") }
}
