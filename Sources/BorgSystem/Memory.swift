import CLinux
import Glibc

/// How much memory this process may use.
public enum Memory {
  /// The machine's memory, or what the control groups that hold this process allow where that is less, in bytes.
  public static func availableBytes() -> Int {
    let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
    let (machine, overflows) = pages.multipliedReportingOverflow(by: size)
    let groups = text("/proc/self/cgroup") ?? ""
    let limit = controlGroupLimit(groups, read: text) ?? .max
    return overflows || machine <= 0 ? limit : min(machine, limit)
  }

  /// Has the allocator give back at once what is freed, at the cost of time: where there is little memory, what many
  /// threads have merely set aside would be too much. Call it before they start.
  public static func giveBackEarly() {
    mallopt(M_ARENA_MAX, 1)
    mallopt(M_MMAP_THRESHOLD, 64 << 10)
    mallopt(M_TRIM_THRESHOLD, 128 << 10)
  }

  /// Has threads beyond the number of processors set aside what they free together. Each for itself they would hold
  /// several chunks that nobody uses. Call it before they start.
  public static func shareAmongThreads() { mallopt(M_ARENA_MAX, Int32(clamping: availableProcessorCount())) }

  /// Gives back what has been freed and set aside: once, after a great deal of work. Takes a millisecond for each 10 MB.
  public static func giveBack() { malloc_trim(0) }

  /// The lowest limit of the groups listed in `groups` (/proc/self/cgroup) and of those above them, of both versions
  /// of control groups. Groups that cannot be seen, as from inside a container, count for nothing. Nil: no limit.
  static func controlGroupLimit(_ groups: String, read: (_ path: String) -> String?) -> Int? {
    var lowest: Int?
    for line in groups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isSecond = parts[0] == "0" && parts[1].isEmpty
      guard isSecond || parts[1].split(separator: ",").contains("memory") else { continue }
      let files = isSecond ? ["memory.max", "memory.high"] : ["memory.limit_in_bytes"]
      let root = isSecond ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
      for folder in ancestors(parts[2]) {
        for file in files {
          // "max" is no number.
          guard let limit = read("\(root)\(folder)/\(file)").flatMap({ Int($0.prefix { $0.isNumber }) }) else {
            continue
          }
          lowest = min(limit, lowest ?? limit)
        }
      }
    }
    return lowest
  }

  /// A path and all above it, the root as the empty one.
  private static func ancestors(_ path: Substring) -> [String] {
    var result = [""]
    for name in path.split(separator: "/") { result.append("\(result[result.count - 1])/\(name)") }
    return result
  }

  private static func text(_ path: String) -> String? {
    (try? Files.read(Array(path.utf8))).map { String(decoding: $0, as: UTF8.self) }
  }
}
