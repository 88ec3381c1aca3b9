/// Cuts at fixed offsets (chunks.md section 2.2): an optional header, then blocks.
public struct FixedChunker: Sendable {
  private let block: Int
  private let header: Int

  /// `parameters` must be `.fixed`.
  public init(_ parameters: ChunkerParameters) {
    guard case .fixed(let block, let header) = parameters, block > 0 else {
      preconditionFailure("a fixed chunker needs fixed parameters")
    }
    self.block = block
    self.header = header
  }

  public var maximumChunkSize: Int { block }

  /// The length of the piece that begins at `offset` bytes into the file; the file's end may cut it shorter.
  public func length(at offset: Int) -> Int {
    offset < header ? min(block, header - offset) : block
  }
}
