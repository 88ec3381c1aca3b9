import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Ids in, plain chunks out: the only reader of chunks. Thread-safe; one fetch per missing chunk however many ask.
public final class ChunkReader: @unchecked Sendable {
  // Safe: all mutable state is touched under `condition`'s lock only.
  private let repository: any Repository
  private let codec: ObjectCodec
  /// The most plaintext that is kept.
  public let maximumCachedBytes: Int
  private let condition = Condition()
  private var cache: ChunkCache
  /// Chunks that some thread is fetching.
  private var fetching: [ChunkID: Fetch] = [:]
  private var room: FetchRoom
  private var workspaces: [CodecWorkspace] = []
  private let maximumWorkspaces = availableProcessorCount()
  private var offsets = RecentOffsets()
  private var counts = Counts()

  /// What was done since the beginning.
  public struct Counts: Sendable, Equatable {
    public var hits = 0
    public var fetches = 0
    /// Of plain chunks that were fetched.
    public var fetchedBytes = 0
    /// Held now.
    public var cachedChunks = 0
    public var cachedBytes = 0
    /// The most stored and plain bytes that were fetched and decoded at the same time.
    public var peakBytesInFlight = 0
  }

  /// What the threads that wait for a fetch are given.
  private final class Fetch {
    let maximumSize: Int
    var result: Result<[UInt8], any Error>?

    init(maximumSize: Int) { self.maximumSize = maximumSize }
  }

  /// `cacheBytes` bounds the plaintext kept; 0 keeps nothing. `bytesInFlight` bounds the stored and plain bytes of what
  /// is fetched and decoded at the same time, where chunk lists tell the sizes; whoever wants more waits.
  public init(repository: any Repository, codec: ObjectCodec, cacheBytes: Int, bytesInFlight: Int = .max) {
    self.repository = repository
    self.codec = codec
    maximumCachedBytes = max(0, cacheBytes)
    cache = ChunkCache(maximumBytes: maximumCachedBytes)
    room = FetchRoom(maximumBytes: bytesInFlight)
  }

  /// The chunk of an entry of a file's list; no more of it is decoded than the entry says. `isAhead`: nobody waits for it
  /// yet, so that readers go first.
  public func chunk(_ entry: ChunkListEntry, isAhead: Bool = false) throws -> [UInt8] {
    let (size, stored) = (Int(entry.size), Int(entry.storedSize))
    let bytesInFlight = size + (stored > 0 ? stored : size)
    return try chunk(entry.id, sizeHint: size, maximumSize: size, bytesInFlight: bytesInFlight, isAhead: isAhead)
  }

  public func chunk(_ id: ChunkID, sizeHint: Int? = nil) throws -> [UInt8] {
    try chunk(id, sizeHint: sizeHint, maximumSize: .max, bytesInFlight: 2 * (sizeHint ?? 0), isAhead: false)
  }

  /// The chunk if it need not be fetched.
  public func chunkAtHand(_ id: ChunkID) -> [UInt8]? {
    condition.withLock {
      guard let bytes = cache.chunk(id) else { return nil }
      counts.hits += 1
      return bytes
    }
  }

  private enum Plan {
    case ready([UInt8])
    case wait(Fetch)
    case fetch(Fetch, CodecWorkspace)
  }

  private func chunk(
    _ id: ChunkID, sizeHint: Int?, maximumSize: Int, bytesInFlight: Int, isAhead: Bool
  ) throws -> [UInt8] {
    while true {
      switch condition.withLock({ plan(id, maximumSize, bytesInFlight, isAhead) }) {
      case .ready(let bytes): return bytes
      case .wait(let fetch):
        let result = wait(for: fetch)
        // It may be no more than too large for whoever fetched it.
        if case .failure = result, fetch.maximumSize < maximumSize { continue }
        return try result.get()
      case .fetch(let fetch, let workspace):
        let result = Result {
          try codec.unseal(
            repository.get(id), id: id, sizeHint: sizeHint, maximumSize: maximumSize, workspace: workspace)
        }
        finish(fetch, id, result, bytesInFlight, workspace)
        return try result.get()
      }
    }
  }

  /// Waits until there is room for a fetch, unless meanwhile somebody else has fetched the chunk.
  private func plan(_ id: ChunkID, _ maximumSize: Int, _ bytesInFlight: Int, _ isAhead: Bool) -> Plan {
    var place: Int?
    defer { place.map { leaveLine($0) } }
    while true {
      if let bytes = cache.chunk(id) {
        counts.hits += 1
        return .ready(bytes)
      }
      if let fetch = fetching[id] { return .wait(fetch) }
      if room.admits(bytesInFlight, at: place) { break }
      if place == nil, !isAhead { place = room.queue() }
      condition.wait()
    }
    room.begin(bytesInFlight)
    counts.fetches += 1
    let fetch = Fetch(maximumSize: maximumSize)
    fetching[id] = fetch
    return .fetch(fetch, workspaces.popLast() ?? CodecWorkspace())
  }

  /// There may be room for the next one, too, or for what is fetched ahead.
  private func leaveLine(_ place: Int) {
    room.leaveLine(place)
    condition.broadcast()
  }

  /// Says that these chunks will be asked for soon.
  public func announce(_ chunks: some Collection<ChunkListEntry>) {
    guard repository.readAheadBytes > 0 else { return }
    let missing = condition.withLock {
      chunks.filter { cache.places[$0.id] == nil && fetching[$0.id] == nil }.map(\.id)
    }
    repository.announce(missing)
  }

  private func wait(for fetch: Fetch) -> Result<[UInt8], any Error> {
    condition.withLock {
      while true {
        if let result = fetch.result { return result }
        condition.wait()
      }
    }
  }

  private func finish(
    _ fetch: Fetch, _ id: ChunkID, _ result: Result<[UInt8], any Error>, _ bytesInFlight: Int,
    _ workspace: CodecWorkspace
  ) {
    condition.withLock {
      fetch.result = result
      fetching[id] = nil
      room.end(bytesInFlight)
      // Each holds memory for the largest chunk it has decoded.
      if workspaces.count < maximumWorkspaces { workspaces.append(workspace) }
      if case .success(let bytes) = result {
        cache.insert(id, bytes)
        counts.fetchedBytes += bytes.count
      }
      condition.broadcast()
    }
  }

  /// These will hardly be asked for again: others have their place first.
  public func retire(_ chunks: some Collection<ChunkListEntry>) {
    condition.withLock { for chunk in chunks { cache.retire(chunk.id) } }
  }

  /// Whether what is fetched comes over a line.
  public var isDistant: Bool { repository.readAheadBytes > 0 }

  /// How much may be fetched ahead without pushing out what is needed.
  public var bytesAhead: Int64 { Int64(min(16 << 20, maximumCachedBytes / 4)) }

  public var statistics: Counts {
    condition.withLock {
      var result = counts
      result.cachedChunks = cache.count
      result.cachedBytes = cache.byteCount
      result.peakBytesInFlight = room.peakByteCount
      return result
    }
  }
}

/// Reading pieces of files.
extension ChunkReader {
  /// Reads `chunks`' concatenated plaintext from `offset` into `buffer`; returns the count, short only at the end.
  /// Throws `IntegrityError` when a chunk is shorter or longer than its list says.
  public func read(
    _ chunks: [ChunkListEntry], offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    guard offset >= 0, !buffer.isEmpty else { return 0 }
    var (index, start) = place(of: offset, in: chunks)
    var done = 0
    while done < buffer.count, index < chunks.count {
      let entry = chunks[index]
      if entry.size > 0 {
        let skipped = done > 0 ? 0 : Int(offset - start)
        let count = min(Int(entry.size) - skipped, buffer.count - done)
        try copy(entry, from: skipped, to: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]))
        done += count
      }
      start += Int64(entry.size)
      index += 1
    }
    return done
  }

  private func copy(_ entry: ChunkListEntry, from start: Int, to target: UnsafeMutableRawBufferPointer) throws {
    let bytes = try chunk(entry.id, sizeHint: Int(entry.size))
    guard bytes.count == Int(entry.size) else {
      throw IntegrityError("Chunk \(entry.id.hex): has \(bytes.count) bytes, its file expects \(entry.size)")
    }
    bytes.withUnsafeBytes {
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + target.count]))
    }
  }

  /// The chunk that holds `offset`, and where it starts; the end of the list beyond the last.
  private func place(of offset: Int64, in chunks: [ChunkListEntry]) -> (index: Int, start: Int64) {
    if chunks.count > RecentOffsets.minimumCount {
      let ends = condition.withLock { offsets.ends(of: chunks) }
      var (low, high) = (0, ends.count)
      while low < high {
        let middle = (low + high) / 2
        if ends[middle] > offset { high = middle } else { low = middle + 1 }
      }
      return (low, low == 0 ? 0 : ends[low - 1])
    }
    var start: Int64 = 0
    for (index, entry) in chunks.enumerated() {
      if start + Int64(entry.size) > offset { return (index, start) }
      start += Int64(entry.size)
    }
    return (chunks.count, start)
  }
}

/// Where the chunks of the large files that were read last end, so that a read need not add up the whole list.
private struct RecentOffsets {
  static let minimumCount = 64
  private static let maximumFiles = 16

  private struct File {
    /// Held, so that no other list can take its place in memory.
    var chunks: [ChunkListEntry]
    var ends: [Int64]
  }

  private var files: [File] = []

  mutating func ends(of chunks: [ChunkListEntry]) -> [Int64] {
    if let index = files.firstIndex(where: { RecentOffsets.isSame($0.chunks, chunks) }) {
      if index > 0 { files.swapAt(index, index - 1) }
      return files[max(0, index - 1)].ends
    }
    var end: Int64 = 0
    let ends = chunks.map { entry in
      end += Int64(entry.size)
      return end
    }
    if files.count == RecentOffsets.maximumFiles { files.removeLast() }
    files.insert(File(chunks: chunks, ends: ends), at: 0)
    return ends
  }

  /// Whether both are one list in memory.
  private static func isSame(_ a: [ChunkListEntry], _ b: [ChunkListEntry]) -> Bool {
    a.count == b.count
      && a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { a.baseAddress == $0.baseAddress } }
  }
}
