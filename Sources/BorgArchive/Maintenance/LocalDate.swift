import Glibc

/// A moment by the local calendar and clock, whole seconds.
public struct LocalDate: Sendable, Equatable {
  public var year: Int
  /// 1 to 12.
  public var month: Int
  /// 1 to 31.
  public var day: Int
  public var hour: Int
  public var minute: Int
  public var second: Int
  /// 0 to 365.
  public var dayOfYear: Int
  /// 0 is Monday.
  public var weekday: Int

  /// Local by TZ, or `utc`. `nanoseconds` since 1970.
  public init(nanoseconds: Int64, utc: Bool = false) {
    let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    var when = time_t(remainder < 0 ? quotient - 1 : quotient)
    var parts = tm()
    if utc { gmtime_r(&when, &parts) } else { localtime_r(&when, &parts) }
    year = Int(parts.tm_year) + 1900
    month = Int(parts.tm_mon) + 1
    day = Int(parts.tm_mday)
    hour = Int(parts.tm_hour)
    minute = Int(parts.tm_min)
    second = Int(parts.tm_sec)
    dayOfYear = Int(parts.tm_yday)
    weekday = (Int(parts.tm_wday) + 6) % 7
  }

  /// The year that an ISO week belongs to and its number, 1 to 53: the week with the year's first Thursday is its first.
  public var isoWeek: (year: Int, week: Int) {
    let thursday = dayOfYear - weekday + 3
    if thursday < 0 { return (year - 1, (thursday + LocalDate.days(in: year - 1)) / 7 + 1) }
    if thursday >= LocalDate.days(in: year) { return (year + 1, 1) }
    return (year, thursday / 7 + 1)
  }

  private static func days(in year: Int) -> Int {
    year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 366 : 365
  }
}

extension LocalDate {
  /// A year, and which part of it.
  struct Period: Equatable {
    var year: Int
    var part = 0
  }

  /// The period of `rule` in which the moment lies.
  func period(of rule: PruneRules.Rule) -> Period {
    let minutes = (dayOfYear * 24 + hour) * 60 + minute
    return switch rule {
    case .secondly: Period(year: year, part: minutes * 61 + second)
    case .minutely: Period(year: year, part: minutes)
    case .hourly: Period(year: year, part: dayOfYear * 24 + hour)
    case .daily: Period(year: year, part: dayOfYear)
    case .weekly: Period(year: isoWeek.year, part: isoWeek.week)
    case .monthly: Period(year: year, part: month)
    case .thirteenWeekly: Period(year: isoWeek.year, part: min((isoWeek.week - 1) / 13, 3))
    case .threeMonthly: Period(year: year, part: (month - 1) / 3)
    case .yearly: Period(year: year)
    }
  }
}
