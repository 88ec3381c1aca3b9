import BorgFormat

/// The entries of a files cache in one packed block, with a hash table over it.
///
/// `arena` holds the loaded file as it is, followed by what this run added; an entry's value `[age, inode, size,
/// cmtime, [chunk id, …]]` lies directly behind its 32-byte key. Beside the arena an entry costs 12 bytes and its
/// share of the slots, 5 to 11 bytes; a file of one chunk takes about 100 bytes of arena.
struct FilesCacheTable: ~Copyable {
  /// One decoded value.
  struct Entry {
    var inode: UInt64
    var size: Int64
    var cmtime: Int64
    /// Where the array of chunk ids begins, and where its ids do, three bytes of header before each.
    var arrayOffset: Int
    var chunksOffset: Int
    var chunkCount: Int

    var end: Int { chunksOffset + chunkCount * FilesCacheScanner.idWidth }
  }

  private var arena: [UInt8]
  /// Where in the arena each entry's value begins.
  private var offsets: [Int] = []
  private var ages: [UInt32] = []
  /// Entry number + 1 by hash of the key, 0 for none; a power of two long, at most three quarters full.
  private var slots: [UInt32]
  /// Inodes that differ from those in the arena.
  private var changedInodes: [Int: UInt64] = [:]

  init() {
    arena = []
    slots = Array(repeating: 0, count: 64)
  }

  /// Takes a files cache file; every age grows by one. Throws `MessagePackReader.Failure.malformed`. An entry that
  /// is cut off by the file's end is dropped, as Borg does.
  init(loading file: consuming [UInt8]) throws {
    arena = file
    let expected = arena.count / 90
    var slotCount = 64
    while slotCount * 3 / 4 <= expected { slotCount *= 2 }
    slots = Array(repeating: 0, count: slotCount)
    offsets.reserveCapacity(expected)
    ages.reserveCapacity(expected)
    try index()
  }

  private mutating func index() throws {
    let end = arena.count
    var offset = 0
    while offset < end {
      let scanned: FilesCacheScanner.Scan
      do {
        scanned = try arena.withUnsafeBytes {
          try FilesCacheScanner.scan(UnsafeRawBufferPointer(rebasing: $0[..<end]), at: offset)
        }
      } catch MessagePackReader.Failure.truncated {
        return
      }
      insert(scanned)
      offset = scanned.end
    }
  }

  private mutating func insert(_ scanned: FilesCacheScanner.Scan) {
    let number: Int
    if scanned.isCanonical {
      number = place(scanned.key, at: scanned.valueOffset)
    } else {
      number = set(
        scanned.key, inode: scanned.inode, size: scanned.size, cmtime: scanned.cmtime, chunks: scanned.chunks)
    }
    let age = max(0, scanned.age)
    ages[number] = UInt32(clamping: age == .max ? age : age + 1)
  }

  var count: Int { offsets.count }

  /// The entry's number, nil when there is none.
  func find(_ key: ChunkID) -> Int? {
    let number = slots[slot(of: key)]
    return number == 0 ? nil : Int(number) - 1
  }

  /// Where `key` is, or the empty slot where it belongs.
  private func slot(of key: ChunkID) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: key.words.1) & mask
    while slots[slot] != 0, self.key(Int(slots[slot]) - 1) != key { slot = (slot + 1) & mask }
    return slot
  }

  private func key(_ number: Int) -> ChunkID {
    let offset = offsets[number] - ChunkID.byteCount
    return arena.withUnsafeBytes { ChunkID(loading: UnsafeRawBufferPointer(rebasing: $0[offset...])) }
  }

  func entry(_ number: Int) -> Entry {
    var entry = arena.withUnsafeBytes { FilesCacheScanner.decode($0, valueAt: offsets[number]) }
    if !changedInodes.isEmpty, let inode = changedInodes[number] { entry.inode = inode }
    return entry
  }

  func appendChunks(of entry: Entry, to chunks: inout [ChunkID]) {
    arena.withUnsafeBytes { arena in
      for index in 0..<entry.chunkCount {
        let offset = entry.chunksOffset + index * FilesCacheScanner.idWidth + 3
        chunks.append(ChunkID(loading: UnsafeRawBufferPointer(rebasing: arena[offset...])))
      }
    }
  }

  /// Marks an entry as seen in this run.
  mutating func refresh(_ number: Int, _ entry: Entry, inode: UInt64) {
    ages[number] = 0
    if entry.inode != inode { changedInodes[number] = inode }
  }

  /// Puts or replaces an entry, age 0; returns its number.
  @discardableResult
  mutating func set(_ key: ChunkID, inode: UInt64, size: Int64, cmtime: Int64, chunks: [ChunkID]) -> Int {
    var writer = MessagePackWriter()
    swap(&writer.bytes, &arena)
    writer.writeArrayHeader(2)
    writer.writeID(key)
    let offset = writer.bytes.count
    writer.writeArrayHeader(5)
    writer.writeInt(0)
    writer.writeUInt(inode)
    writer.writeInt(size)
    writer.writeInt(cmtime)
    writer.writeArrayHeader(chunks.count)
    for chunk in chunks { writer.writeID(chunk) }
    swap(&writer.bytes, &arena)
    let number = place(key, at: offset)
    ages[number] = 0
    if !changedInodes.isEmpty { changedInodes[number] = nil }
    return number
  }

  /// Lets `key` stand for the value at `offset`.
  private mutating func place(_ key: ChunkID, at offset: Int) -> Int {
    let slot = slot(of: key)
    if slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      offsets[number] = offset
      return number
    }
    offsets.append(offset)
    ages.append(0)
    slots[slot] = UInt32(offsets.count)
    if offsets.count * 4 > slots.count * 3 { growSlots() }
    return offsets.count - 1
  }

  private mutating func growSlots() {
    slots = Array(repeating: 0, count: slots.count * 2)
    for number in 0..<offsets.count { slots[slot(of: key(number))] = UInt32(number + 1) }
  }

  /// The file to save (see `FilesCache.encoded`).
  func encoded(timeToLive: Int, newest: Int64) -> [UInt8] {
    var writer = MessagePackWriter()
    writer.bytes.reserveCapacity(arena.count + 4 * offsets.count)
    for number in 0..<offsets.count {
      let age = ages[number]
      if age > 0, Int(age) >= timeToLive { continue }
      let entry = entry(number)
      if age == 0, entry.cmtime >= newest { continue }
      write(entry, number: number, age: age, with: &writer)
    }
    return writer.bytes
  }

  private func write(_ entry: Entry, number: Int, age: UInt32, with writer: inout MessagePackWriter) {
    writer.writeArrayHeader(2)
    writer.writeID(key(number))
    writer.writeArrayHeader(5)
    writer.writeInt(Int64(age))
    writer.writeUInt(entry.inode)
    writer.writeInt(entry.size)
    writer.writeInt(entry.cmtime)
    writer.bytes.append(contentsOf: arena[entry.arrayOffset..<entry.end])
  }
}
