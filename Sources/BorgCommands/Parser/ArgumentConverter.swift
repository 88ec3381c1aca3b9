import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Turns the words of a command line into values, as Borg understands them.
struct ArgumentConverter {
  let environment: Environment
  /// What `{now}` stands for: the time of --timestamp, or now. Nanoseconds since 1970.
  let now: Int64

  /// Throws `ArgumentRefusal` for usage errors and `ArchiveError` for bad placeholders.
  func convert(_ text: [UInt8], to type: ArgumentType) throws -> ArgumentValue {
    switch type {
    case .text: return .text(text)
    case .path: return try .text(nonEmpty(text))
    case .integer: return try .integer(integer(text))
    case .positiveInteger: return try .integer(positive(text))
    case .nonNegativeInteger: return try .integer(nonNegative(text))
    case .octal: return try .integer(octal(text))
    case .choice(let choices): return try .text(choice(text, choices))
    case .location(let part, let localOnly): return try .location(location(text, part, localOnly: localOnly))
    case .archiveName: return try .text(archiveName(text))
    case .expanded: return try .text(expand(text))
    case .timestamp: return try .timestamp(TimestampArgument.parse(text))
    case .compression: return try .compressor(compressor(text))
    case .chunkerParameters: return try .chunkerParameters(chunkerParameters(text))
    case .filesCacheMode: return try .filesCacheMode(filesCacheMode(text))
    case .archiveSortKeys: return try .sortKeys(sortKeys(text))
    case .differenceSortKeys: return try .differenceSortKeys(DifferenceOrder.keys(parsing: string(text)))
    case .interval: return try .integer(intervalHours(text))
    case .storageQuota: return try .integer(storageQuota(text))
    case .fileSize: return try .integer(fileSize(text))
    }
  }

  private func nonEmpty(_ text: [UInt8]) throws -> [UInt8] {
    guard !text.isEmpty else { throw ArgumentRefusal(reason: "Empty strings are not accepted as paths.") }
    return text
  }

  private func integer(_ text: [UInt8]) throws -> Int {
    let word = string(text)
    guard let number = Int(word.trimmingSpaces()) else {
      throw ArgumentRefusal(reason: "invalid int value: '\(word)'")
    }
    return number
  }

  private func positive(_ text: [UInt8]) throws -> Int {
    let word = string(text)
    guard let number = Int(word.trimmingSpaces()) else {
      throw ArgumentRefusal(reason: "A positive integer is required: \(word)")
    }
    guard number > 0 else { throw ArgumentRefusal(reason: "A positive integer is required: \(number)") }
    return number
  }

  private func nonNegative(_ text: [UInt8]) throws -> Int {
    let number = try integer(text)
    guard number >= 0 else { throw ArgumentRefusal(reason: "a number of at least 0 is required: \(number)") }
    return number
  }

  private func octal(_ text: [UInt8]) throws -> Int {
    let word = string(text)
    let digits = word.hasPrefix("0o") ? word.dropFirst(2) : word[...]
    guard let number = Int(digits, radix: 8), number >= 0, number <= 0o7777 else {
      throw ArgumentRefusal(reason: "invalid octal value: '\(word)'")
    }
    return number
  }

  private func choice(_ text: [UInt8], _ choices: [String]) throws -> [UInt8] {
    let word = string(text)
    guard choices.contains(word) else { throw ArgumentRefusal(reason: invalidChoice(word, of: choices)) }
    return text
  }

  private func location(
    _ text: [UInt8], _ part: ArgumentType.ArchivePart, localOnly: Bool
  ) throws -> Location {
    let expanded = try expand(text)
    let defaultRepository = try environment["BORG_REPO"].map { try expand(Array($0.utf8)) }
    guard let location = Location(parsing: expanded, defaultRepository: defaultRepository) else {
      throw ArgumentRefusal(reason: "Invalid location format: \"\(string(expanded))\"")
    }
    switch part {
    case .required where location.archive == nil:
      throw ArgumentRefusal(reason: "\"\(string(text))\": No archive specified")
    case .forbidden where location.archive != nil:
      throw ArgumentRefusal(reason: "\"\(string(text))\": No archive can be specified")
    default: break
    }
    if localOnly, !location.isLocal {
      throw ArgumentRefusal(reason: "\"\(string(text))\": Repository must be local")
    }
    return location
  }

  private func archiveName(_ text: [UInt8]) throws -> [UInt8] {
    let name = try expand(text)
    let hasSeparator = zip(name, name.dropFirst()).contains { $0 == (UInt8(ascii: ":"), UInt8(ascii: ":")) }
    guard !name.isEmpty, !name.contains(UInt8(ascii: "/")), !hasSeparator else {
      throw ArgumentRefusal(reason: "Invalid archive name: \"\(string(name))\"")
    }
    return name
  }

  private func expand(_ text: [UInt8]) throws -> [UInt8] {
    guard text.contains(UInt8(ascii: "{")) || text.contains(UInt8(ascii: "}")) else { return text }
    do { return try Placeholders(environment: environment, now: now).expand(text) } catch let error as FormatError {
      throw ArgumentRefusal(reason: error.description)
    }
  }

  private func compressor(_ text: [UInt8]) throws -> Compressor {
    do { return try Compressor(parsing: string(text)) } catch let error as CompressorSyntaxError {
      let words = string(text).split(separator: ",").map(String.init).filter { Int($0) == nil }
      let unknown = words.first { !ArgumentConverter.compressions.contains($0) }
      let hint = unknown.map { suggestion(for: $0, in: ArgumentConverter.compressions) } ?? ""
      throw ArgumentRefusal(reason: error.description + hint)
    }
  }

  private static let compressions = ["none", "lz4", "zstd", "zlib", "lzma", "auto", "obfuscate"]

  private func chunkerParameters(_ text: [UInt8]) throws -> ChunkerParameters {
    do { return try ChunkerParameters(parsing: string(text)) } catch let error as ChunkerSyntaxError {
      throw ArgumentRefusal(reason: error.description)
    }
  }

  private func filesCacheMode(_ text: [UInt8]) throws -> FilesCacheMode {
    let word = string(text)
    guard let mode = FilesCacheMode(parsing: word) else {
      let known = ["ctime", "disabled", "inode", "mtime", "rechunk", "size"]
      let isList = word.split(separator: ",", omittingEmptySubsequences: false).allSatisfy {
        known.contains(String($0))
      }
      throw ArgumentRefusal(
        reason: isList
          ? "cache mode must be one of: ctime,size,inode; mtime,size,inode; ctime,size; mtime,size; rechunk,ctime; "
            + "rechunk,mtime; disabled; size"
          : "cache mode must be a comma-separated list of: " + known.joined(separator: ","))
    }
    return mode
  }

  private func sortKeys(_ text: [UInt8]) throws -> [ArchiveSelection.SortKey] {
    try string(text).split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let key = ArchiveSelection.SortKey(rawValue: String(word)) else {
        let known = ArchiveSelection.SortKey.allCases.map(\.rawValue)
        throw ArgumentRefusal(reason: "Invalid sort key: \(word)" + suggestion(for: String(word), in: known))
      }
      return key
    }
  }

  /// Borg's units; a month has 31 days and a year 365.
  private func intervalHours(_ text: [UInt8]) throws -> Int {
    let word = string(text)
    let units: [Character: Int] = ["H": 1, "d": 24, "w": 24 * 7, "m": 24 * 31, "y": 24 * 365]
    let unit = word.last.map(String.init) ?? ""
    guard let hours = word.last.flatMap({ units[$0] }) else {
      throw ArgumentRefusal(
        reason: "Unexpected interval time unit \"\(unit)\": expected one of ['H', 'd', 'w', 'm', 'y']")
    }
    let number = word.dropLast()
    guard let count = Int(number.trimmingSpaces()), count > 0 else {
      throw ArgumentRefusal(
        reason: "Unexpected interval number \"\(number)\": expected an integer greater than 0")
    }
    let (total, overflow) = count.multipliedReportingOverflow(by: hours)
    return overflow ? .max : total
  }

  private func fileSize(_ text: [UInt8]) throws -> Int {
    guard let size = parseFileSize(string(text)), size >= 0 else {
      throw ArgumentRefusal(reason: "invalid size: '\(string(text))'")
    }
    return size
  }

  private func storageQuota(_ text: [UInt8]) throws -> Int {
    let word = string(text)
    guard let size = parseFileSize(word) else {
      throw ArgumentRefusal(reason: "invalid parse_storage_quota value: '\(word)'")
    }
    guard size == 0 || size >= 10_000_000 else {
      throw ArgumentRefusal(reason: "quota is too small (\(word)). At least 10M are required.")
    }
    return size
  }

  private func string(_ text: [UInt8]) -> String { String(decoding: text, as: UTF8.self) }
}

/// A number with an optional suffix K, M, G, T or P (powers of 1000); nil when it is none.
func parseFileSize(_ text: String) -> Int? {
  guard let last = text.last else { return nil }
  let factors: [Character: Double] = ["K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15]
  let factor = factors[last]
  let digits = factor == nil ? text : String(text.dropLast())
  guard digits.utf8.allSatisfy({ "0123456789.eE+-_".utf8.contains($0) }), let number = Double(digits) else {
    return nil
  }
  return Int(exactly: (number * (factor ?? 1)).rounded(.towardZero))
}

/// argparse's text for a value that is none of the allowed ones, with the nearest of them when one is near.
func invalidChoice(_ word: String, of choices: [String]) -> String {
  let hint = nearest(to: word, in: choices).map { ", maybe you meant '\($0)'?" } ?? ""
  let list = choices.map { "'\($0)'" }.joined(separator: ", ")
  return "invalid choice: '\(word)'\(hint) (choose from \(list))"
}

extension StringProtocol {
  /// The text without blanks at its ends.
  func trimmingSpaces() -> SubSequence {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else {
      return self[endIndex...]
    }
    return self[first...last]
  }
}
