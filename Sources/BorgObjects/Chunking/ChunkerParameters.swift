import BorgFormat

/// Where to cut (chunks.md section 2).
public enum ChunkerParameters: Sendable, Equatable {
  case buzhash(minimumExponent: Int, maximumExponent: Int, maskBits: Int, window: Int)
  case fixed(block: Int, header: Int)

  public static let fileDefault = ChunkerParameters.buzhash(
    minimumExponent: 19, maximumExponent: 23, maskBits: 21, window: 4095)
  public static let itemStream = ChunkerParameters.buzhash(
    minimumExponent: 15, maximumExponent: 19, maskBits: 17, window: 4095)

  /// The largest plaintext of one chunk that still fits a stored object.
  static let maximumDataSize = 20_971_479

  /// Parses `--chunker-params`. Throws `ChunkerSyntaxError` with Borg's words.
  public init(parsing text: String) throws {
    let fields = PythonText.stripped(Substring(text)).split(separator: ",", omittingEmptySubsequences: false)
    let algorithm = fields[0].lowercased()
    switch (algorithm, fields.count) {
    case ("fixed", 2...3): self = try Self.fixed(fields)
    case ("default", 1): self = .fileDefault
    case ("buzhash", 5): self = try Self.buzhash(fields.dropFirst())
    case (_, 4): self = try Self.buzhash(fields[...])
    default: throw ChunkerSyntaxError("invalid chunker params")
    }
  }

  /// As archive metadata stores it: ["buzhash", 19, 23, 21, 4095] or ["fixed", block, header].
  public var messagePack: MessagePackValue {
    switch self {
    case .buzhash(let minimum, let maximum, let mask, let window):
      .array([.raw(Array("buzhash".utf8))] + [minimum, maximum, mask, window].map { .int(Int64($0)) })
    case .fixed(let block, let header):
      .array([.raw(Array("fixed".utf8)), .int(Int64(block)), .int(Int64(header))])
    }
  }

  private static func fixed(_ fields: [Substring]) throws -> ChunkerParameters {
    let block = try number(fields[1])
    let header = fields.count == 3 ? try number(fields[2]) : 0
    guard block >= 64 else { throw ChunkerSyntaxError("block_size must not be less than 64 Bytes") }
    guard block <= maximumDataSize, header <= maximumDataSize else {
      throw ChunkerSyntaxError("block_size and header_size must not exceed MAX_DATA_SIZE [\(maximumDataSize)]")
    }
    return .fixed(block: block, header: header)
  }

  /// The last check is ours: Borg's parser lets such values pass and its chunker then fails an assertion.
  private static func buzhash(_ fields: ArraySlice<Substring>) throws -> ChunkerParameters {
    let numbers = try fields.map { try number($0) }
    let (minimum, maximum, mask, window) = (numbers[0], numbers[1], numbers[2], numbers[3])
    guard minimum <= mask, mask <= maximum else {
      throw ChunkerSyntaxError("required: chunk_min <= chunk_mask <= chunk_max")
    }
    guard minimum >= 6 else {
      throw ChunkerSyntaxError("min. chunk size exponent must not be less than 6 (2^6 = 64B min. chunk size)")
    }
    guard maximum <= 23 else {
      throw ChunkerSyntaxError("max. chunk size exponent must not be more than 23 (2^23 = 8MiB max. chunk size)")
    }
    guard !window.isMultiple(of: 2) else { throw ChunkerSyntaxError("window_size must be an uneven (odd) number") }
    guard isUsable(minimum: minimum, maximum: maximum, window: window) else {
      throw ChunkerSyntaxError("required: 1 <= window_size and window_size + 2^chunk_min + 1 <= 2^chunk_max")
    }
    return .buzhash(minimumExponent: minimum, maximumExponent: maximum, maskBits: mask, window: window)
  }

  /// Whether one window after the smallest chunk still lies within the largest.
  static func isUsable(minimum: Int, maximum: Int, window: Int) -> Bool {
    guard (0...23).contains(minimum), (0...23).contains(maximum) else { return false }
    return window >= 1 && window <= (1 << maximum) - (1 << minimum) - 1
  }

  private static func number(_ text: Substring) throws -> Int {
    guard let value = PythonText.integer(text) else {
      throw ChunkerSyntaxError(PythonText.invalidInteger(text), isInvalidValue: true)
    }
    return value
  }
}

public struct ChunkerSyntaxError: Error, Equatable, CustomStringConvertible {
  public var description: String
  /// Borg shows these not with their text but as `invalid ChunkerParams value: '…'`.
  public var isInvalidValue: Bool

  public init(_ description: String, isInvalidValue: Bool = false) {
    self.description = description
    self.isInvalidValue = isInvalidValue
  }
}
