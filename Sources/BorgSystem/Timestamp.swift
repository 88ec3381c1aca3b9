import Glibc

/// Borg's time texts. Times are nanoseconds since 1970; local time follows TZ.
public enum Timestamp {
  /// Naive UTC `YYYY-MM-DDTHH:MM:SS.ffffff`, always six digits; nanoseconds are cut off.
  public static func utcText(nanoseconds: Int64) -> String {
    format(nanoseconds: nanoseconds, "%Y-%m-%dT%H:%M:%S.%f", utc: true)
  }

  /// Parses `YYYY-MM-DDTHH:MM:SS` with 0 to 6 fraction digits, as UTC; nil when malformed or no real date.
  public static func parseUTC(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 19, bytes[4] == dash, bytes[7] == dash, bytes[10] == 0x54, bytes[13] == colon,
      bytes[16] == colon
    else { return nil }
    guard let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
      let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
      let fraction = microseconds(bytes[19...])
    else { return nil }
    guard year >= 1, (1...12).contains(month), (1...daysInMonth(year, month)).contains(day), hour < 24, minute < 60,
      second < 60
    else { return nil }
    let seconds = daysSinceEpoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    let (scaled, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (nanoseconds, overflows) = scaled.addingReportingOverflow(Int64(fraction) * 1000)
    return overflow || overflows ? nil : nanoseconds
  }

  /// `Sun, 2026-11-22 10:26:32` in local time.
  public static func localText(nanoseconds: Int64) -> String {
    format(nanoseconds: nanoseconds, "%a, %Y-%m-%d %H:%M:%S", utc: false)
  }

  /// `YYYY-MM-DDTHH:MM:SS.ffffff` in local time, microseconds rounded half to even as Python's fromtimestamp does.
  public static func localISOText(nanoseconds: Int64) -> String {
    format(nanoseconds: roundedToMicroseconds(nanoseconds), "%Y-%m-%dT%H:%M:%S.%f", utc: false)
  }

  /// strftime in the C locale, in local time or UTC; `%f` gives six digits of microseconds.
  public static func format(nanoseconds: Int64, _ format: String, utc: Bool) -> String {
    let (seconds, rest) = floorDivided(nanoseconds)
    var when = time_t(seconds)
    var parts = tm()
    if utc { gmtime_r(&when, &parts) } else { localtime_r(&when, &parts) }
    let expanded = replacingMicroseconds(format, rest / 1000)
    guard !expanded.isEmpty else { return "" }
    // strftime's 0 may mean an empty result as well as too small a buffer: a mark at the end tells them apart.
    var buffer = [CChar](repeating: 0, count: 256)
    while buffer.count <= 1 << 20 {
      let count = strftime(&buffer, buffer.count, expanded + "|", &parts)
      if count > 0 {
        return String(decoding: buffer.prefix(count - 1).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
      buffer = [CChar](repeating: 0, count: buffer.count * 4)
    }
    return ""
  }

  private static func replacingMicroseconds(_ format: String, _ microseconds: Int64) -> String {
    guard format.utf8.contains(0x66) else { return format }
    var output = ""
    var characters = format.makeIterator()
    while let character = characters.next() {
      guard character == "%", let next = characters.next() else {
        output.append(character)
        continue
      }
      if next == "f" {
        let digits = String(microseconds)
        output += String(repeating: "0", count: max(0, 6 - digits.count)) + digits
      } else {
        output.append(character)
        output.append(next)
      }
    }
    return output
  }

  private static func floorDivided(_ nanoseconds: Int64) -> (seconds: Int64, rest: Int64) {
    let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return remainder < 0 ? (quotient - 1, remainder + 1_000_000_000) : (quotient, remainder)
  }

  private static func roundedToMicroseconds(_ nanoseconds: Int64) -> Int64 {
    let (seconds, rest) = floorDivided(nanoseconds)
    var (microseconds, left) = rest.quotientAndRemainder(dividingBy: 1000)
    if left > 500 || (left == 500 && !microseconds.isMultiple(of: 2)) { microseconds += 1 }
    left = microseconds * 1000
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return nanoseconds }
    let (sum, sumOverflow) = whole.addingReportingOverflow(left)
    return sumOverflow ? nanoseconds : sum
  }

  private static let dash: UInt8 = 0x2d
  private static let colon: UInt8 = 0x3a

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    var value = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      value = value * 10 + Int(digit - 0x30)
    }
    return value
  }

  /// The fraction after the seconds: nothing, or a dot and one to six digits.
  private static func microseconds(_ text: ArraySlice<UInt8>) -> Int? {
    guard let first = text.first else { return 0 }
    guard first == 0x2e, (2...7).contains(text.count), let value = number(text.dropFirst()) else { return nil }
    return (text.count..<7).reduce(value) { value, _ in value * 10 }
  }

  private static func daysInMonth(_ year: Int, _ month: Int) -> Int {
    switch month {
    case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days from 1970-01-01 in the proleptic Gregorian calendar, counting years from March.
  private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let years = month <= 2 ? year - 1 : year
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    return years * 365 + years / 4 - years / 100 + years / 400 + dayOfYear - 719_468
  }
}
