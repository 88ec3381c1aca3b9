import BorgFormat
import Glibc

/// Turns times into local text many times a second (patterns-and-formats.md section 6). Remembers which zone offset
/// holds on a day, since asking the system takes longer than everything else on a line. Not for two threads.
struct LocalTime {
  /// Seconds to add to UTC at this second since 1970.
  typealias Offset = (_ seconds: Int64) -> Int64

  private struct Day {
    var number = Int64.min
    /// Nil on days on which the clocks change.
    var offset: Int64?
  }

  /// A moment as Python's `datetime.fromtimestamp` gives it.
  struct Moment: Equatable {
    /// Since 1970, by the local clock.
    var localSeconds: Int64
    var microseconds: Int
  }

  private let offset: Offset
  private var days = [Day](repeating: Day(), count: 256)
  private var dateNumber = Int64.min
  private var dateText: [UInt8] = []

  /// Item times outside of 0 ... 2^31 - 1 seconds less two days are shown as the nearest in it.
  private static let maximumNanoseconds: Int64 = (2_147_483_647 - 172_800) * 1_000_000_000

  init(offset: @escaping Offset = LocalTime.systemOffset) {
    tzset()
    self.offset = offset
  }

  static func systemOffset(_ seconds: Int64) -> Int64 {
    var when = time_t(seconds)
    var parts = tm()
    guard localtime_r(&when, &parts) != nil else { return 0 }
    return Int64(parts.tm_gmtoff)
  }

  /// The moment of an item's time. Borg goes through floating point seconds, whose rounding shows.
  mutating func moment(itemTime nanoseconds: Int64) -> Moment {
    let seconds = Double(min(max(nanoseconds, 0), Self.maximumNanoseconds)) / 1e9
    var whole = seconds.rounded(.down)
    var microseconds = ((seconds - whole) * 1e6).rounded(.toNearestOrEven)
    if microseconds >= 1e6 {
      whole += 1
      microseconds -= 1e6
    }
    return moment(seconds: Int64(whole), microseconds: Int(microseconds))
  }

  /// The moment of an archive's time, which shows no fraction.
  mutating func moment(archiveTime nanoseconds: Int64) -> Moment {
    let seconds = nanoseconds / 1_000_000_000 - (nanoseconds % 1_000_000_000 < 0 ? 1 : 0)
    return moment(seconds: seconds, microseconds: 0)
  }

  private mutating func moment(seconds: Int64, microseconds: Int) -> Moment {
    Moment(localSeconds: seconds + zoneOffset(seconds), microseconds: microseconds)
  }

  private mutating func zoneOffset(_ seconds: Int64) -> Int64 {
    let number = (seconds >= 0 ? seconds : seconds - 86399) / 86400
    let slot = Int(truncatingIfNeeded: number & 255)
    if days[slot].number != number {
      let first = offset(number * 86400)
      days[slot] = Day(number: number, offset: first == offset(number * 86400 + 86399) ? first : nil)
    }
    return days[slot].offset ?? offset(seconds)
  }
}

/// Moments to text.
extension LocalTime {
  /// `Sun, 2026-11-22 10:26:32`.
  mutating func append(_ moment: Moment, to output: inout [UInt8]) {
    let (day, second) = Self.split(moment.localSeconds)
    if day != dateNumber {
      dateNumber = day
      dateText = Self.weekday(day)
      Self.append(date: day, to: &dateText)
      dateText.append(UInt8(ascii: " "))
    }
    output += dateText
    Self.append(clock: second, to: &output)
  }

  /// `2026-11-22T10:26:32.123456`.
  static func append(iso moment: Moment, to output: inout [UInt8]) {
    let (day, second) = split(moment.localSeconds)
    append(date: day, to: &output)
    output.append(UInt8(ascii: "T"))
    append(clock: second, to: &output)
    output.append(UInt8(ascii: "."))
    output.append(digits: moment.microseconds, count: 6)
  }

  private static func split(_ localSeconds: Int64) -> (day: Int64, second: Int) {
    let second = ((localSeconds % 86400) + 86400) % 86400
    return ((localSeconds - second) / 86400, Int(second))
  }

  private static func weekday(_ day: Int64) -> [UInt8] {
    let names = ["Thu, ", "Fri, ", "Sat, ", "Sun, ", "Mon, ", "Tue, ", "Wed, "]
    return Array(names[Int(((day % 7) + 7) % 7)].utf8)
  }

  /// Years are counted from March, so that leap days come last; an era is the 400 years after which all repeats.
  private static func append(date day: Int64, to output: inout [UInt8]) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = Int(shifted - era * 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let year = yearOfEra + Int(era) * 400 + (month < 10 ? 0 : 1)
    output.append(digits: year, count: 4)
    output.append(UInt8(ascii: "-"))
    output.append(digits: month < 10 ? month + 3 : month - 9, count: 2)
    output.append(UInt8(ascii: "-"))
    output.append(digits: dayOfYear - (153 * month + 2) / 5 + 1, count: 2)
  }

  private static func store(_ value: Int, in text: UnsafeMutableBufferPointer<UInt8>, at place: Int) {
    text[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 10)
    text[place + 1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)
  }

  private static func append(clock second: Int, to output: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8) { text in
      text.initialize(repeating: UInt8(ascii: ":"))
      store(second / 3600, in: text, at: 0)
      store(second / 60 % 60, in: text, at: 3)
      store(second % 60, in: text, at: 6)
      output.append(contentsOf: UnsafeBufferPointer(text))
    }
  }
}

/// How a format shows times: the specification of a time key, which is for `strftime`.
enum TimeFormat: Equatable {
  case standard
  case pattern(String)

  init(_ spec: String) { self = spec.isEmpty ? .standard : .pattern(spec) }

  func append(_ moment: LocalTime.Moment, _ time: inout LocalTime, to output: inout [UInt8]) {
    switch self {
    case .standard: time.append(moment, to: &output)
    case .pattern(let format): Self.append(moment, format, to: &output)
    }
  }

  private static func append(_ moment: LocalTime.Moment, _ format: String, to output: inout [UInt8]) {
    var local = time_t(moment.localSeconds)
    var parts = tm()
    gmtime_r(&local, &parts)
    parts.tm_isdst = -1
    // A mark at the end tells an empty result from a buffer that is too small.
    let complete = expanded(format, moment.microseconds) + "|"
    var buffer = [CChar](repeating: 0, count: 256 + 4 * complete.utf8.count)
    while buffer.count <= 1 << 24 {
      let count = strftime(&buffer, buffer.count, complete, &parts)
      if count > 0 { return output.append(contentsOf: buffer[..<(count - 1)].lazy.map { UInt8(bitPattern: $0) }) }
      buffer = [CChar](repeating: 0, count: buffer.count * 4)
    }
  }

  /// What Python does itself: `%f` is six digits, and a time without a zone has nothing for `%z` and `%Z`.
  private static func expanded(_ format: String, _ microseconds: Int) -> String {
    var output = String.UnicodeScalarView()
    var scalars = format.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      guard scalar == "%", let directive = scalars.next() else {
        output.append(scalar)
        continue
      }
      switch directive {
      case "f":
        let digits = String(microseconds)
        output.append(contentsOf: (String(repeating: "0", count: 6 - digits.utf8.count) + digits).unicodeScalars)
      case "z", "Z": break
      default:
        output.append(scalar)
        output.append(directive)
      }
    }
    return String(output)
  }
}
