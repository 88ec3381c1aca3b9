/// Streaming XXH64, seed 0.
public struct XXHash64: Sendable {
  public init() {}
  public mutating func update(_ bytes: UnsafeRawBufferPointer) { fatalError("contract: BorgFormat") }
  public func digest() -> UInt64 { fatalError("contract: BorgFormat") }
}
