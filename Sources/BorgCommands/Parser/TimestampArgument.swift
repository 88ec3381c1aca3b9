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

  private static let patterns = [
    "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%j",
  ]

  /// One of Borg's forms, whole text.
  static func parseUTC(_ text: [UInt8]) -> Int64? {
    let text = String(decoding: text, as: UTF8.self)
    for pattern in patterns {
      guard let seconds = seconds(text, pattern) else { continue }
      let (nanoseconds, overflow) = Int64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
      return overflow ? nil : nanoseconds
    }
    return nil
  }

  private static func seconds(_ text: String, _ pattern: String) -> time_t? {
    var fields = tm()
    fields.tm_mday = 1
    let isWhole = text.withCString { start in
      guard let end = strptime(start, pattern, &fields) else { return false }
      return end.pointee == 0
    }
    guard isWhole else { return nil }
    if pattern.hasSuffix("%j") {
      let dayOfYear = fields.tm_yday
      fields.tm_mon = 0
      fields.tm_mday = dayOfYear + 1
    }
    let day = (fields.tm_mon, fields.tm_mday)
    let result = timegm(&fields)
    guard pattern.hasSuffix("%j") || (fields.tm_mon, fields.tm_mday) == day else { return nil }
    return result
  }
}
