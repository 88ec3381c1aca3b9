import BorgArchive
import BorgFormat
import BorgSystem
import BorgTree
import Glibc
import Synchronization

/// The bytes of one open file: finds the chunks of a range by binary search, and has the next ones fetched ahead of a
/// reader that goes through the file in order.
final class ArchiveContent: TreeContent {
  private let chunks: [ChunkListEntry]
  /// Where each chunk begins, and at last where the file ends.
  private let starts: [Int64]
  private let reader: ChunkReader
  private let readAhead: ReadAhead
  /// The chunk a reader in order needs next or again, and the first one that was not asked for ahead.
  private let expected = Atomic<Int>(0)
  private let requested = Atomic<Int>(0)

  private static let bytesAhead: Int64 = 8 << 20
  private static let chunksAhead = 4

  init(_ chunks: [ChunkListEntry], reader: ChunkReader, readAhead: ReadAhead) {
    self.chunks = chunks
    self.reader = reader
    self.readAhead = readAhead
    var end: Int64 = 0
    var starts: [Int64] = [0]
    starts.reserveCapacity(chunks.count + 1)
    for chunk in chunks {
      end += Int64(chunk.size)
      starts.append(end)
    }
    self.starts = starts
  }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(TreeError) -> Int {
    guard offset >= 0, offset < starts[chunks.count] else { return 0 }
    var index = chunk(at: offset)
    noteRead(of: index)
    var done = 0
    while done < buffer.count, index < chunks.count {
      let bytes = try chunk(index)
      let skipped = done == 0 ? Int(offset - starts[index]) : 0
      let count = min(bytes.count - skipped, buffer.count - done)
      bytes.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: buffer[done...]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: $0[skipped..<skipped + count]))
      }
      done += count
      index += 1
    }
    return done
  }

  /// The plaintext of a chunk, as long as the file's list says.
  private func chunk(_ index: Int) throws(TreeError) -> [UInt8] {
    let entry = chunks[index]
    let bytes: [UInt8]
    do { bytes = try reader.chunk(entry.id, sizeHint: Int(entry.size)) } catch { throw .ioFailed("\(error)") }
    guard bytes.count == Int(entry.size) else {
      throw .ioFailed("chunk \(entry.id.hex) has \(bytes.count) bytes, its file expects \(entry.size)")
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

  /// Notices readers that go on where the last read was, and has what comes next fetched for them.
  private func noteRead(of index: Int) {
    let expected = expected.exchange(index, ordering: .relaxed)
    guard index == expected || index == expected + 1, index + 1 < chunks.count else { return }
    let from = max(index + 1, requested.load(ordering: .relaxed))
    var end = from
    while end < chunks.count, end - index <= ArchiveContent.chunksAhead,
      starts[end] - starts[index + 1] < ArchiveContent.bytesAhead
    {
      end += 1
    }
    guard end > from else { return }
    requested.store(end, ordering: .relaxed)
    readAhead.request(chunks[from..<end])
  }
}

/// Threads that fetch chunks into the cache before they are asked for. They start with the first request.
final class ReadAhead: @unchecked Sendable {
  // Safe: all mutable state is touched under `condition`'s lock only.
  private let condition = Condition()
  private let reader: ChunkReader
  private var waiting: [ChunkListEntry] = []
  private var workers: [Worker] = []
  private static let maximumWaiting = 64

  init(reader: ChunkReader) { self.reader = reader }

  /// Never waits: what is too much is not fetched ahead.
  func request(_ chunks: ArraySlice<ChunkListEntry>) {
    condition.withLock {
      waiting.append(contentsOf: chunks.prefix(max(0, ReadAhead.maximumWaiting - waiting.count)))
      startWorkers()
      condition.broadcast()
    }
  }

  private func startWorkers() {
    guard workers.isEmpty else { return }
    for _ in 0..<availableProcessorCount() {
      guard let worker = try? Worker({ [self] in while true { fetch(next()) } }) else { return }
      workers.append(worker)
    }
  }

  private func next() -> ChunkListEntry {
    condition.withLock {
      while waiting.isEmpty { condition.wait() }
      return waiting.removeFirst()
    }
  }

  /// A chunk that cannot be had is reported to whoever reads it.
  private func fetch(_ chunk: ChunkListEntry) { _ = try? reader.chunk(chunk.id, sizeHint: Int(chunk.size)) }
}
