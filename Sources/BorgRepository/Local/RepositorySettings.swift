import BorgFormat

/// The repository's `config`, checked (repository.md 3.2).
struct RepositorySettings {
  let id: ChunkID
  let segmentsPerDirectory: Int
  let maximumSegmentSize: Int
  let additionalFreeSpace: Int64
  let appendOnly: Bool
  /// 0: none.
  let storageQuota: Int64

  static let defaultSegmentsPerDirectory = 1000
  static let defaultMaximumSegmentSize = 524_288_000
  /// Exclusive.
  static let segmentSizeLimit = 4_273_995_776
  static let section = "repository"

  /// Throws `RepositoryError.invalidConfig`, naming `path`.
  init(_ config: ConfigFile, path: String) throws {
    func invalid(_ detail: String) -> RepositoryError { .invalidConfig(path: path, detail: detail) }
    func required(_ option: String) throws -> String {
      guard let value = config[Self.section, option] else {
        throw invalid("No option '\(option)' in section: '\(Self.section)'")
      }
      return value
    }
    func size(_ option: String, default text: String?) throws -> Int64 {
      let text = try config[Self.section, option] ?? text ?? required(option)
      guard let size = FileSize.parse(text) else { throw invalid("\(option): invalid size '\(text)'") }
      return size
    }

    guard config.hasSection(Self.section) else { throw invalid("no repository section found") }
    let version = try required("version")
    guard let number = Int(version.trimmingSpaces()) else { throw invalid("version: invalid number '\(version)'") }
    guard number == 1 else { throw invalid("repository version \(number) is not supported by this borg version") }

    let segmentSize = try size("max_segment_size", default: nil)
    guard segmentSize < Self.segmentSizeLimit else { throw invalid("max_segment_size >= \(Self.segmentSizeLimit)") }
    let perDirectory = try required("segments_per_dir")
    guard let perDirectory = Int(perDirectory.trimmingSpaces()), perDirectory >= 1 else {
      throw invalid("segments_per_dir: invalid number '\(perDirectory)'")
    }
    let idText = try required("id")
    guard let id = ChunkID(hex: idText.trimmingSpaces()) else { throw invalid("id: invalid value '\(idText)'") }
    let appendOnlyText = config[Self.section, "append_only"] ?? "0"
    guard let appendOnly = Self.boolean(appendOnlyText) else {
      throw invalid("append_only: not a boolean: \(appendOnlyText)")
    }

    self.id = id
    self.appendOnly = appendOnly
    segmentsPerDirectory = perDirectory
    maximumSegmentSize = Int(segmentSize)
    additionalFreeSpace = try size("additional_free_space", default: "0")
    storageQuota = try size("storage_quota", default: "0")
  }

  private static func boolean(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "1", "yes", "true", "on": true
    case "0", "no", "false", "off": false
    default: nil
    }
  }
}

/// Sizes as Borg writes them for people and reads them from its config: powers of 1000.
enum FileSize {
  /// `23 B`, `10.00 MB`
  static func text(_ bytes: Int64) -> String {
    guard bytes.magnitude >= 1000 else { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = 0
    while (abs(value) * 100).rounded(.toNearestOrEven) / 100 >= 1000, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    let hundredths = Int64((abs(value) * 100).rounded(.toNearestOrEven))
    let fraction = hundredths % 100
    return "\(bytes < 0 ? "-" : "")\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) \(units[unit])B"
  }

  /// A decimal number, fraction allowed, with an optional suffix `K`, `M`, `G`, `T` or `P`; nil when it is none.
  static func parse(_ text: String) -> Int64? {
    var digits = text.trimmingSpaces()
    var factor: Int64 = 1
    if let power = digits.last.flatMap({ Array("KMGTP").firstIndex(of: $0) }) {
      digits.removeLast()
      for _ in 0...power { factor *= 1000 }
    }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, digits.contains(where: \.isNumber), parts.allSatisfy({ $0.utf8.allSatisfy(isDigit) })
    else { return nil }
    if parts.count == 1, let whole = Int64(digits) {
      let (size, overflow) = whole.multipliedReportingOverflow(by: factor)
      return overflow ? nil : size
    }
    return Double(digits).flatMap { Int64(exactly: ($0 * Double(factor)).rounded(.towardZero)) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
  private static let units = ["", "k", "M", "G", "T", "P", "E"]
}

extension String {
  func trimmingSpaces() -> String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
    let bytes = utf8.drop(while: isSpace)
    guard let last = bytes.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(bytes[...last]) ?? ""
  }
}
