/// How to shrink chunks: the meaning of `--compression` (chunks.md section 3).
public indirect enum Compressor: Sendable, Equatable {
  case none
  case lz4
  case zlib(level: Int32)
  case lzma(level: Int32)
  case zstd(level: Int32)
  case auto(Compressor)
  case obfuscate(spec: Int, Compressor)

  /// Parses the option's value. Throws `CompressorSyntaxError` with Borg's words.
  public init(parsing text: String) throws { fatalError("contract: BorgObjects") }
  /// The method's name in a stored payload: none, lz4, zlib, lzma, zstd, obfuscate. Nil: unknown.
  public static func methodName(ofPayload payload: UnsafeRawBufferPointer) -> String? {
    fatalError("contract: BorgObjects")
  }
}

public struct CompressorSyntaxError: Error, Equatable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
