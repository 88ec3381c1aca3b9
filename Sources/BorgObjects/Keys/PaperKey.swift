import BorgFormat

/// A key blob as lines that people copy by hand, each with its own checksum (keys.md 9.3).
public struct PaperKey: Sendable {
  private static let bytesPerLine = 18

  /// What the id line tells.
  public struct Heading: Sendable, Equatable {
    public let lineCount: Int
    /// The first 18 hex digits of the repository's id.
    public let repositoryID: String
    /// The first 12 hex digits of the blob's SHA-256.
    public let checksum: String
  }

  /// Why a typed line is refused, in Borg's words.
  public enum Refusal: Error, Equatable {
    case dashes, slashes, checksum, length
    case digits(String)
  }

  /// The printed form. `blob` is the decoded one.
  public static func text(of blob: [UInt8], repositoryID: ChunkID) -> String {
    let count = (blob.count + bytesPerLine - 1) / bytesPerLine
    let id = shortID(repositoryID)
    let checksum = digest(blob, 12)
    var text = "To restore key use borg key import --paper /path/to/repo\n\nBORG PAPER KEY v1\n"
    text += "id: \(count) / \(grouped(id)) / \(grouped(checksum)) - "
    text += "\(digest(Array("\(count)/\(id)/\(checksum)".utf8), 2))\n"
    for number in 1...max(1, count) where count > 0 {
      let line = blob[((number - 1) * bytesPerLine)..<min(blob.count, number * bytesPerLine)]
      text += "\(numbered(number)): \(grouped(Hex.encode(line))) - \(lineChecksum(number, line))\n"
    }
    return text
  }

  /// What precedes a line: its number, right-aligned.
  public static func numbered(_ number: Int) -> String { number < 10 ? " \(number)" : "\(number)" }

  public static func shortID(_ id: ChunkID) -> String { String(id.hex.prefix(18)) }

  /// The first `count` hex digits of the SHA-256.
  public static func digest(_ bytes: [UInt8], _ count: Int) -> String {
    String(Hex.encode(bytes.withUnsafeBytes { Digest.sha256($0) }).prefix(count))
  }

  /// Understands a typed id line. Throws `Refusal`.
  public static func heading(_ line: String) throws -> Heading {
    let (data, checksum) = try parts(line)
    let fields = data.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 3 else { throw Refusal.slashes }
    guard digest(Array(data.lowercased().utf8), 2) == checksum else { throw Refusal.checksum }
    guard let count = Int(fields[0]), count > 0 else { throw Refusal.length }
    return Heading(lineCount: count, repositoryID: fields[1], checksum: fields[2])
  }

  /// Understands a typed data line. Throws `Refusal`.
  public static func bytes(_ line: String, number: Int) throws -> [UInt8] {
    let (data, checksum) = try parts(line)
    guard data.utf8.count.isMultiple(of: 2) else { throw Refusal.digits("Odd-length string") }
    guard let bytes = Hex.decode(data.lowercased()) else { throw Refusal.digits("Non-hexadecimal digit found") }
    guard lineChecksum(number, bytes[...]) == checksum else { throw Refusal.checksum }
    return bytes
  }

  private static func parts(_ line: String) throws -> (data: String, checksum: String) {
    let parts = line.filter { $0 != " " }.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 else { throw Refusal.dashes }
    return (parts[0], parts[1])
  }

  private static func lineChecksum(_ number: Int, _ line: ArraySlice<UInt8>) -> String {
    digest([UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)] + line, 2)
  }

  private static func grouped(_ digits: String) -> String {
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, index.isMultiple(of: 6) { text += " " }
      text.append(digit)
    }
    return text
  }
}
