import BorgTree
import Glibc
import Synchronization

/// Puts small files into the kernel's page cache before they are asked for, where a program reads one after the other as
/// copying, searching and packing do: what a file of a few pages costs is the way here and back, not its bytes.
///
/// It is done by the thread that answers the reader, before it does: the reader then finds the next files' pages there.
/// Where several programs read the same files, one may be waiting for a page that is being filled for another, and the
/// kernel has the thread that fills wait for the answer to the former. That always comes: only files are filled that come
/// after the one that is asked for, so that no circle arises, by few threads at a time, so that others are left to answer,
/// and not once the session ends.
final class PageFiller: Sendable {
  private let tree: any FileTree
  private let store: @Sendable (_ pieces: [ArraySlice<UInt8>], _ inode: UInt64) -> Bool
  private let state = Mutex(State())

  private struct State {
    var runs: [Run] = []
    var threads = 0
    var isClosed = false
  }

  /// One program's way through an archive.
  private struct Run {
    /// The first file that is not filled: whoever goes on asks for it.
    var next: UInt64
    /// How many files to fill then.
    var count: Int
  }

  private static let maximumRuns = 8
  private static let maximumThreads = 4
  private static let firstCount = 4
  private static let maximumCount = 16
  /// A larger file is read in several pieces anyhow.
  private static let largestFile = 128 << 10
  private static let maximumBytes = 512 << 10
  private static let patienceMilliseconds = 2000

  /// `store` puts all of a file's bytes into the kernel's pages; false: the kernel knows no such file at present.
  init(_ tree: any FileTree, store: @escaping @Sendable ([ArraySlice<UInt8>], UInt64) -> Bool) {
    self.tree = tree
    self.store = store
  }

  /// Somebody waits for the first bytes of a file.
  func noteReading(_ inode: UInt64) {
    let run = begin(at: inode)
    var next = tree.file(after: inode)
    if let run { next = fill(from: next, count: run.count) }
    state.withLock { state in
      if run != nil { state.threads -= 1 }
      guard let next else { return }
      if state.runs.count == PageFiller.maximumRuns { state.runs.removeFirst() }
      let count = run.map { min(PageFiller.maximumCount, 2 * $0.count) } ?? PageFiller.firstCount
      state.runs.append(Run(next: next.inode, count: count))
    }
  }

  /// The run that has come to a file, to be filled for.
  private func begin(at inode: UInt64) -> Run? {
    state.withLock { state in
      guard !state.isClosed, state.threads < PageFiller.maximumThreads,
        let place = state.runs.firstIndex(where: { $0.next == inode })
      else { return nil }
      state.threads += 1
      return state.runs.remove(at: place)
    }
  }

  /// Fills so many files, as far as they are small and their bytes at hand; the file at which it ended.
  private func fill(from first: FollowingFile?, count: Int) -> FollowingFile? {
    var (next, rest) = (first, PageFiller.maximumBytes)
    for _ in 0..<count {
      guard let file = next, file.size <= min(PageFiller.largestFile, rest),
        let content = try? tree.open(file.inode), content.size == file.size, let bytes = content.bytesAtHand(),
        store(bytes, file.inode)
      else { break }
      rest -= Int(file.size)
      next = tree.file(after: file.inode)
    }
    return next
  }

  /// Nothing is filled any more. Call it while requests are still answered: it waits for what is under way.
  func close() {
    state.withLock { $0.isClosed = true }
    for _ in 0..<PageFiller.patienceMilliseconds where state.withLock({ $0.threads }) > 0 { usleep(1000) }
  }
}
