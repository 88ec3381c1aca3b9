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
  public init(parsing text: String) throws {
    try self.init(fields: text.split(separator: ",", omittingEmptySubsequences: false)[...])
  }

  private init(fields: ArraySlice<Substring>) throws {
    let values = fields.dropFirst()
    switch fields.first ?? "" {
    case "none": self = .none
    case "lz4": self = .lz4
    case "zlib": self = .zlib(level: try Self.level(values, in: 0...9, default: 6))
    case "lzma": self = .lzma(level: try Self.level(values, in: 0...9, default: 6))
    case "zstd": self = .zstd(level: try Self.level(values, in: 1...22, default: 3))
    case "auto":
      guard (1...2).contains(values.count) else { throw CompressorSyntaxError("bad arguments") }
      self = .auto(try Compressor(fields: values))
    case "obfuscate":
      guard (2...4).contains(values.count) else { throw CompressorSyntaxError("bad arguments") }
      let spec = try Self.number(values[values.startIndex])
      guard Obfuscation.accepts(spec) else {
        throw CompressorSyntaxError("level must be (inclusively) within 1...6, 110...123 or equal to 250")
      }
      self = .obfuscate(spec: spec, try Compressor(fields: values.dropFirst()))
    default: throw CompressorSyntaxError("unsupported compression type")
    }
  }

  /// The method's name in a stored payload: none, lz4, zlib, lzma, zstd, obfuscate. Nil: unknown.
  public static func methodName(ofPayload payload: UnsafeRawBufferPointer) -> String? {
    PayloadMethod(payload)?.rawValue
  }

  private static func level(
    _ values: ArraySlice<Substring>, in range: ClosedRange<Int>, default standard: Int32
  ) throws -> Int32 {
    guard let text = values.first else { return standard }
    guard values.count == 1 else { throw CompressorSyntaxError("too many arguments") }
    let level = try number(text)
    guard range.contains(level) else {
      throw CompressorSyntaxError("level must be >= \(range.lowerBound) and <= \(range.upperBound)")
    }
    return Int32(level)
  }

  private static func number(_ text: Substring) throws -> Int {
    guard let value = PythonText.integer(text) else {
      throw CompressorSyntaxError(PythonText.invalidInteger(text), isInvalidValue: true)
    }
    return value
  }
}

public struct CompressorSyntaxError: Error, Equatable, CustomStringConvertible {
  public var description: String
  /// Borg shows these not with their text but as `invalid CompressionSpec value: '…'`.
  public var isInvalidValue: Bool

  public init(_ description: String, isInvalidValue: Bool = false) {
    self.description = description
    self.isInvalidValue = isInvalidValue
  }
}

/// How a stored payload says it was compressed (chunks.md section 3).
enum PayloadMethod: String {
  case lz4, zstd, none, zlib, lzma, obfuscate

  /// Bytes before the compressed data. A zlib stream has no header of Borg's.
  var headerSize: Int { self == .zlib ? 0 : 2 }

  init?(_ payload: UnsafeRawBufferPointer) {
    guard payload.count >= 2 else { return nil }
    switch (payload[0], payload[1]) {
    case (0x01, 0x00): self = .lz4
    case (0x03, 0x00): self = .zstd
    case (0x00, 0x00): self = .none
    case (let first, let second) where first & 0x0f == 8 && (Int(first) << 8 | Int(second)).isMultiple(of: 31):
      self = .zlib
    case (0x02, 0x00): self = .lzma
    case (0x04, 0x00): self = .obfuscate
    default: return nil
    }
  }
}
