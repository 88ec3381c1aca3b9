import BorgFormat

/// Where to cut (chunks.md section 2).
public enum ChunkerParameters: Sendable, Equatable {
  case buzhash(minimumExponent: Int, maximumExponent: Int, maskBits: Int, window: Int)
  case fixed(block: Int, header: Int)

  public static let fileDefault = ChunkerParameters.buzhash(
    minimumExponent: 19, maximumExponent: 23, maskBits: 21, window: 4095)
  public static let itemStream = ChunkerParameters.buzhash(
    minimumExponent: 15, maximumExponent: 19, maskBits: 17, window: 4095)

  /// Parses `--chunker-params`. Throws `ChunkerSyntaxError` with Borg's words.
  public init(parsing text: String) throws { fatalError("contract: BorgObjects") }
  /// As archive metadata stores it: ["buzhash", 19, 23, 21, 4095] or ["fixed", block, header].
  public var messagePack: MessagePackValue { fatalError("contract: BorgObjects") }
}

public struct ChunkerSyntaxError: Error, Equatable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// Finds content-defined cuts in a growing buffer; does no I/O. One per thread.
public struct BuzHashChunker {
  /// `parameters` must be `.buzhash`.
  public init(_ parameters: ChunkerParameters, seed: Int32) { fatalError("contract: BorgObjects") }
  public var maximumChunkSize: Int { fatalError("contract: BorgObjects") }

  /// The length of the first chunk of `bytes`, which begin at a chunk's start. Nil: cannot tell yet, more bytes are
  /// needed (only when `isEnd` is false). With `isEnd`, the input ends with `bytes`; empty input gives nil.
  /// A caller that always offers `maximumChunkSize` bytes or the end gets an answer at once.
  public func firstCut(_ bytes: UnsafeRawBufferPointer, isEnd: Bool) -> Int? { fatalError("contract: BorgObjects") }
}

/// Whether every byte is zero; stops at the first that is not.
public func isAllZero(_ bytes: UnsafeRawBufferPointer) -> Bool { fatalError("contract: BorgObjects") }
