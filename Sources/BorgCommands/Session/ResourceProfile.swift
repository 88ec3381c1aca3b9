import BorgFormat
import BorgSystem
import Glibc

/// What a run has cost, as the kernel counts it: the content of a --debug-profile file. (Borg writes a profile of its
/// Python functions there, which nothing but Python reads.)
struct ResourceProfile {
  private let start: Int64
  private let clock: Clock

  /// Begins to measure.
  init(clock: Clock) {
    self.clock = clock
    start = clock.monotonic()
  }

  /// Writes seconds of wall, user and system time, peak memory in bytes and counts of faults and switches, as JSON.
  func write(to path: [UInt8]) throws {
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { throw SystemError.last() }
    let document = JSONValue.object([
      ("wall_seconds", .double(Double(clock.monotonic() - start) / 1e9)),
      ("user_seconds", .double(seconds(usage.ru_utime))),
      ("system_seconds", .double(seconds(usage.ru_stime))),
      ("peak_memory_bytes", .int(Int64(usage.ru_maxrss) * 1024)),
      ("major_faults", .int(Int64(usage.ru_majflt))),
      ("voluntary_switches", .int(Int64(usage.ru_nvcsw))),
      ("involuntary_switches", .int(Int64(usage.ru_nivcsw))),
    ])
    try Files.replace(path, with: Array((document.text(indent: "    ") + "\n").utf8))
  }

  private func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
