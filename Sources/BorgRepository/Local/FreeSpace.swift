import BorgFormat
import BorgSystem
import Glibc

/// The check before every commit that it can be finished (repository.md section 14).
extension RepositoryCore {
  /// Throws `RepositoryError.insufficientFreeSpace` after having freed what the transaction took; a repository that
  /// was created in this session is removed.
  func checkFreeSpace(_ transaction: Transaction, _ index: RepositoryIndex) throws {
    let required = try requiredFreeSpace(transaction.hints, index)
    let available: Int64
    do {
      available = try availableSpace()
    } catch {
      monitor.note("Failed to check free space before committing: \(error)", logger: repositoryLogger)
      return
    }
    guard available < required else { return }
    if isNew {
      monitor.error("Not enough free space to initialize repository at this location.", logger: repositoryLogger)
      try destroy()
    } else {
      rollback()
      deleteUncommittedSegments()
    }
    throw RepositoryError.insufficientFreeSpace(
      required: FileSize.text(required), available: FileSize.text(available))
  }

  /// Four times the index (deleting everything, growing, and the copy on disk), the hints, what the owner wants to
  /// keep free, and room for compaction to copy into.
  private func requiredFreeSpace(_ hints: Hints, _ index: RepositoryIndex) throws -> Int64 {
    let hintsSize = 10 * (hints.segments.count + hints.compact.count) + 4096
    var required = Int64(4 * index.fileSize + hintsSize).addingClamped(settings.additionalFreeSpace)
    if !appendOnly { required = required.addingClamped(try compactionSpace(hints)) }
    return required
  }

  private func compactionSpace(_ hints: Hints) throws -> Int64 {
    let fullSegment = Int64(settings.maximumSegmentSize + SegmentEntryHeader.maximumEntrySize)
    guard hints.compact.count < 10 else { return fullSegment }
    var space: Int64 = 0
    try hints.compact.forEach { segment, freeable in
      guard let size = try store.files.size(of: segment) else { return }
      space = space.addingClamped(Int64(size).subtractingClamped(Int64(freeable)))
    }
    return min(space, fullSegment)
  }

  private func availableSpace() throws -> Int64 {
    var status = statvfs()
    let result = try Files.withPath(path) { statvfs($0, &status) }
    guard result == 0 else { throw SystemError.last(path) }
    return Int64(clamping: UInt64(status.f_bavail).multipliedFullWidth(by: UInt64(status.f_frsize)))
  }
}

extension Int64 {
  fileprivate func addingClamped(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  fileprivate func subtractingClamped(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }

  fileprivate init(clamping product: (high: UInt64, low: UInt64)) {
    self = product.high > 0 ? .max : Int64(clamping: product.low)
  }
}
