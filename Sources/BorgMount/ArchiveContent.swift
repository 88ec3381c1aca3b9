import BorgArchive
import BorgFormat
import BorgSystem
import BorgTree
import Synchronization

/// The bytes of one open file: finds the chunks of a range by binary search, and has the next ones fetched ahead of
/// every reader that goes through the file in order.
final class ArchiveContent: TreeContent {
  private let path: [UInt8]
  private let chunks: [ChunkListEntry]
  /// Where each chunk begins, and at last where the file ends.
  private let starts: [Int64]
  private let reader: ChunkReader
  private let readAhead: ReadAhead
  private let zeros: ZeroChunks
  /// Of no use to a file of one chunk.
  private let sequences: Mutex<ReadSequences>
  private let completion = Mutex(Completion())

  /// How far a file that is read at random has been fetched in order.
  private struct Completion {
    var next = 0
    var isUnderWay = false
  }

  private static let straysToComplete = 8
  private static let hasProcessorToSpare = availableProcessorCount() > 1

  init(
    _ chunks: [ChunkListEntry], of path: [UInt8], reader: ChunkReader, readAhead: ReadAhead, zeros: ZeroChunks
  ) {
    self.path = path
    self.chunks = chunks
    self.reader = reader
    self.readAhead = readAhead
    self.zeros = zeros
    var end: Int64 = 0
    var starts: [Int64] = [0]
    starts.reserveCapacity(chunks.count + 1)
    for chunk in chunks {
      end += Int64(chunk.size)
      starts.append(end)
    }
    self.starts = starts
    sequences = Mutex(ReadSequences())
  }

  var size: Int64 { starts[chunks.count] }

  func bytes(at offset: Int64, count: Int) throws(TreeError) -> [ArraySlice<UInt8>] {
    guard offset >= 0, offset < starts[chunks.count], count > 0 else { return [] }
    if chunks.count > 1 { noteRead(at: offset, count: count) }
    // From here on the kernel has it in its page cache.
    defer { if chunks.count == 1, Int64(count) >= starts[1] - offset { reader.retire(chunks) } }
    var index = chunk(at: offset)
    var skipped = Int(offset - starts[index])
    var pieces: [ArraySlice<UInt8>] = []
    var missing = count
    while missing > 0, index < chunks.count {
      let piece = try chunk(index)[skipped...].prefix(missing)
      if !piece.isEmpty { pieces.append(piece) }
      missing -= piece.count
      skipped = 0
      index += 1
    }
    return pieces
  }

  func bytesAtHand() -> [ArraySlice<UInt8>]? {
    var pieces: [ArraySlice<UInt8>] = []
    for chunk in chunks {
      guard let bytes = reader.chunkAtHand(chunk.id), bytes.count == Int(chunk.size) else { return nil }
      pieces.append(bytes[...])
    }
    reader.retire(chunks)
    return pieces
  }

  func next(_ kind: ExtentKind, from offset: Int64) -> Int64? {
    guard offset >= 0, offset < size else { return nil }
    for index in chunk(at: offset)..<chunks.count where chunks[index].size > 0 {
      if zeros.isHole(index, of: chunks) == (kind == .hole) { return max(offset, starts[index]) }
    }
    return kind == .hole ? size : nil
  }

  /// The plaintext of a chunk, as long as the file's list says.
  private func chunk(_ index: Int) throws(TreeError) -> [UInt8] {
    let entry = chunks[index]
    let bytes: [UInt8]
    do { bytes = try reader.chunk(entry) } catch {
      throw .ioFailed("\(displayText(path)): chunk \(entry.id.hex): \(error)")
    }
    guard bytes.count == Int(entry.size) else {
      throw .ioFailed(
        "\(displayText(path)): chunk \(entry.id.hex) has \(bytes.count) bytes, its file expects \(entry.size)")
    }
    return bytes
  }

  /// The last chunk that begins at or before `offset`, which lies inside the file.
  private func chunk(at offset: Int64) -> Int {
    var (low, high) = (0, chunks.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// Has fetched what a reader in order needs next, and lets go of what lies behind it.
  private func noteRead(at offset: Int64, count: Int) {
    let (run, strays) = sequences.withLock {
      ($0.note(offset, offset + Int64(count), reader.bytesAhead), $0.strays)
    }
    if strays >= ArchiveContent.straysToComplete { complete() }
    guard let run else { return }
    let end = starts[chunks.count]
    if run.wanted.lowerBound < end {
      // A chunk belongs to the part of the file in which it begins.
      let begun = chunk(at: run.wanted.lowerBound)
      let first = starts[begun] == run.wanted.lowerBound ? begun : begun + 1
      let last = chunk(at: min(run.wanted.upperBound, end - 1))
      if first <= last { readAhead.request(chunks[first...last]) }
    }
    if run.passed.upperBound > run.passed.lowerBound {
      // A chunk is behind a reader where it ends.
      let first = chunk(at: min(run.passed.lowerBound, end - 1))
      let last = chunk(at: min(run.passed.upperBound, end - 1))
      if first < last { reader.retire(chunks[first..<last]) }
    }
  }
}

extension ArchiveContent {
  /// Whoever goes on reading here and there in a file that the cache can hold needs all of it in the end. So where there
  /// is more than one processor, one of them fetches the file's chunks meanwhile: with each such read one more, and one
  /// at a time. Not over a line, which those that are asked for need.
  private func complete() {
    guard ArchiveContent.hasProcessorToSpare, !reader.isDistant, size <= Int64(reader.maximumCachedBytes) else {
      return
    }
    let chunk = completion.withLock { completion -> ChunkListEntry? in
      guard !completion.isUnderWay, completion.next < chunks.count else { return nil }
      completion.isUnderWay = true
      return chunks[completion.next]
    }
    guard let chunk else { return }
    let isTaken = readAhead.perform { [self] in
      // A chunk that cannot be had is reported to whoever reads it.
      _ = try? reader.chunk(chunk, isAhead: true)
      completion.withLock { $0 = Completion(next: $0.next + 1) }
    }
    if !isTaken { completion.withLock { $0.isUnderWay = false } }
  }
}

/// Who reads a file in order, and how far each has come. The kernel's own reading ahead comes in pieces that overtake
/// each other, so that a read counts as the next one anywhere near where the last one ended.
struct ReadSequences {
  private struct Sequence {
    var end: Int64
    var hits = 0
    var requested: Int64 = 0
    var passed: Int64 = 0
    var lastUse = 0
  }

  private var sequences: [Sequence] = []
  private var uses = 0
  /// How many reads have belonged to nobody since the last one of a reader in order.
  private(set) var strays = 0

  private static let maximumCount = 16
  private static let tolerance: Int64 = 512 << 10
  private static let lag: Int64 = 2 << 20
  private static let hitsToTrust = 2

  /// A read of `offset..<end`. Nil: it belongs to no reader in order. Otherwise what such a reader now wants ahead, and
  /// what it has left behind since the last time.
  mutating func note(
    _ offset: Int64, _ end: Int64, _ maximumAhead: Int64
  ) -> (wanted: Range<Int64>, passed: Range<Int64>)? {
    uses += 1
    guard let index = sequences.firstIndex(where: { abs($0.end - offset) <= ReadSequences.tolerance }) else {
      add(Sequence(end: end, lastUse: uses))
      strays += 1
      return nil
    }
    var run = sequences[index]
    defer { sequences[index] = run }
    run.hits += 1
    run.lastUse = uses
    run.end = max(run.end, end)
    guard run.hits >= ReadSequences.hitsToTrust else { return nil }
    strays = 0
    let ahead = min(maximumAhead, 1 << min(40, 20 + run.hits))
    let (from, to) = (max(run.end, run.requested), run.end + ahead)
    let passed = run.passed..<max(run.passed, run.end - ReadSequences.lag)
    run.passed = passed.upperBound
    // Little by little would cost more than it brings.
    guard to - from > ahead / 4 || passed.upperBound > passed.lowerBound else { return nil }
    run.requested = max(to, run.requested)
    return (from..<max(from, to), passed)
  }

  private mutating func add(_ run: Sequence) {
    var run = run
    run.passed = max(0, run.end - ReadSequences.lag)
    if sequences.count < ReadSequences.maximumCount {
      sequences.append(run)
    } else if let oldest = sequences.indices.min(by: { sequences[$0].lastUse < sequences[$1].lastUse }) {
      sequences[oldest] = run
    }
  }
}
