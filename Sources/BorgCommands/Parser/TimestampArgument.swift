import BorgSystem
import Glibc

/// `--timestamp`: the name of a file, whose mtime is meant, or a UTC time (patterns-and-formats.md section 4).
enum TimestampArgument {
  /// Nanoseconds since 1970. Throws `ArgumentRefusal`.
  static func parse(_ text: [UInt8]) throws(ArgumentRefusal) -> Int64 {
    if let status = try? Files.status(text) {
      return min(max(Int64(status.st_mtim.tv_sec), 0), 2_147_483_647 - 172_800) * 1_000_000_000
    }
    guard let nanoseconds = parseUTC(text) else {
      throw ArgumentRefusal(reason: "invalid timestamp value: '\(String(decoding: text, as: UTF8.self))'")
    }
    return nanoseconds
  }

  /// Borg's forms: `Y-m-d`, `Y-jjj`, and `Y-m-d` with `H:M` or `H:M:S` after a `T` or blank; seconds after a `T` may
  /// be followed by `Z` or `+00:00`. Nil for anything else.
  static func parseUTC(_ text: [UInt8]) -> Int64? {
    var scanner = DigitScanner(text[...])
    var fields = tm()
    guard let year = scanner.number(digits: 4...4, in: 1...9999), scanner.skip("-") else { return nil }
    fields.tm_year = Int32(year) - 1900
    if text.count == 8, text[5...].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
      guard let day = scanner.number(digits: 3...3, in: 1...366) else { return nil }
      return nanoseconds(fields, dayOfYear: day)
    }
    guard let month = scanner.number(digits: 1...2, in: 1...12), scanner.skip("-"),
      let day = scanner.number(digits: 1...2, in: 1...31)
    else { return nil }
    fields.tm_mon = Int32(month) - 1
    fields.tm_mday = Int32(day)
    guard scanner.isAtEnd || scanTime(&scanner, into: &fields) else { return nil }
    return nanoseconds(fields, dayOfYear: nil)
  }

  private static func scanTime(_ scanner: inout DigitScanner, into fields: inout tm) -> Bool {
    let hasT = scanner.skip("T")
    guard hasT || scanner.skip(" ") else { return false }
    guard let hour = scanner.number(digits: 1...2, in: 0...23), scanner.skip(":"),
      let minute = scanner.number(digits: 1...2, in: 0...59)
    else { return false }
    fields.tm_hour = Int32(hour)
    fields.tm_min = Int32(minute)
    if scanner.isAtEnd { return true }
    guard scanner.skip(":"), let second = scanner.number(digits: 1...2, in: 0...59) else { return false }
    fields.tm_sec = Int32(second)
    if hasT, !scanner.isAtEnd { return (scanner.skip("Z") || scanner.skip("+00:00")) && scanner.isAtEnd }
    return scanner.isAtEnd
  }

  private static func nanoseconds(_ fields: tm, dayOfYear: Int?) -> Int64? {
    var fields = fields
    if let dayOfYear { fields.tm_mday = Int32(dayOfYear) }
    let (year, month, day) = (fields.tm_year, fields.tm_mon, fields.tm_mday)
    let seconds = timegm(&fields)
    let isReal = dayOfYear == nil ? (fields.tm_mon, fields.tm_mday) == (month, day) : fields.tm_year == year
    let (result, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return isReal && !overflow ? result : nil
  }
}

/// Reads decimal numbers and fixed words from the start of a text.
private struct DigitScanner {
  private var rest: ArraySlice<UInt8>

  init(_ text: ArraySlice<UInt8>) {
    rest = text
  }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func skip(_ word: StaticString) -> Bool {
    let bytes = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard rest.starts(with: bytes) else { return false }
    rest = rest.dropFirst(bytes.count)
    return true
  }

  mutating func number(digits: ClosedRange<Int>, in range: ClosedRange<Int>) -> Int? {
    let word = rest.prefix(digits.upperBound).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard word.count >= digits.lowerBound, let number = Int(String(decoding: word, as: UTF8.self)),
      range.contains(number)
    else { return nil }
    rest = rest.dropFirst(word.count)
    return number
  }
}
