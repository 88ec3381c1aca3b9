import BorgArchive
import BorgSystem

/// Tells a monitor that wants to know how far an archive in the making is, at most every 0.2 s.
struct ArchiveProgressReport {
  let isWanted: Bool
  private let monitor: any Monitor
  private let clock: Clock
  private var last: Int64 = 0
  private static let pauseNanoseconds: Int64 = 200_000_000

  init(_ monitor: any Monitor, _ clock: Clock) {
    self.monitor = monitor
    self.clock = clock
    isWanted = monitor.wantsProgress
  }

  mutating func show(_ statistics: Statistics, _ path: [UInt8]) {
    guard isWanted else { return }
    let now = clock.monotonic()
    guard now - last > ArchiveProgressReport.pauseNanoseconds else { return }
    last = now
    monitor.progress(
      ArchiveProgress(
        originalSize: statistics.originalSize, compressedSize: statistics.compressedSize,
        deduplicatedSize: statistics.deduplicatedSize, fileCount: statistics.fileCount, path: path))
  }

  func finish() {
    if isWanted { monitor.progress(nil) }
  }
}
