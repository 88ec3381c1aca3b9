/// What a `BORG_IDX` file with two value words tells, for looking up alone and in little memory: 20 bytes a slot, where the
/// file has 40 and more buckets. Open addressing, linear probing.
///
/// Of an id 12 bytes are kept. Ids that agree in them are one id here: among a thousand million ids there is a chance of 1 in
/// 100,000 million that any two do, and whoever follows an entry sees the whole id where it leads. Whole ids cannot be
/// listed.
public struct LocationTable: Sendable {
  public typealias Location = (segment: UInt32, offset: UInt32)

  /// Five words a slot: the id's beginning, then segment and offset. The segment doubles as the marker, as in the file.
  private var slots: [UInt32]
  private var slotCount: Int
  /// In slots of their own, or deleted.
  private var usedCount = 0
  public private(set) var count = 0
  /// Ids keep to the order that the file has them in, so that filling the table goes through memory in order, too.
  private let order: FastModulus
  private let bucketCount: UInt64
  private var probes = 0

  private static let words = 5
  private static let empty: UInt32 = 0xFFFF_FFFF
  private static let deleted: UInt32 = 0xFFFF_FFFE
  private static let smallest = 1024

  /// An empty table with room for `capacity` entries, for ids in the order of a file with `bucketCount` buckets.
  public init(bucketCount: Int = 1031, capacity: Int = 0) {
    precondition(bucketCount > 0 && bucketCount <= Int(Int32.max) && capacity >= 0)
    order = FastModulus(UInt32(bucketCount))
    self.bucketCount = UInt64(bucketCount)
    slotCount = LocationTable.slots(for: capacity)
    slots = Array(repeating: LocationTable.empty, count: slotCount * LocationTable.words)
  }

  /// The table for a file whose first `HashIndex.headerSize` bytes are `header`; its buckets are still to be added. Throws
  /// `FormatError`.
  public init(fileSize: Int, header: UnsafeRawBufferPointer) throws {
    let bucketCount = try HashTable.bucketCount(fileSize: fileSize, valueWords: 2)
    let entryCount = try HashTable.checkHeader(header, fileSize: fileSize, valueWords: 2)
    self.init(bucketCount: bucketCount, capacity: entryCount)
  }

  /// The memory held.
  public var byteCount: Int { slots.capacity * 4 }
  /// Whether ids crowd as no hash values do, so that looking up would take long.
  public var isCrowded: Bool { probes / 64 > usedCount + LocationTable.smallest }

  public static var bucketSize: Int { ChunkID.byteCount + 8 }

  /// Adds the entries of whole buckets of the file. Throws where a segment has a number that none can have.
  public mutating func add(buckets: UnsafeRawBufferPointer) throws(FormatError) {
    precondition(buckets.count.isMultiple(of: LocationTable.bucketSize))
    for start in stride(from: 0, to: buckets.count, by: LocationTable.bucketSize) where !isCrowded {
      let bucket = LocationTable.bucket(in: buckets, at: start)
      guard bucket.segment < LocationTable.deleted else { continue }
      guard bucket.segment <= HashIndex.maximumValue else { throw FormatError("hash index: no such segment") }
      set(bucket.id, (bucket.segment, bucket.offset))
    }
  }

  /// One bucket of the file; the segment may be a marker.
  @inline(__always)
  static func bucket(
    in buckets: UnsafeRawBufferPointer, at start: Int
  ) -> (id: ChunkID, segment: UInt32, offset: UInt32) {
    let bucket = UnsafeRawBufferPointer(rebasing: buckets[start..<start + bucketSize])
    return (
      ChunkID(loading: UnsafeRawBufferPointer(rebasing: bucket[..<ChunkID.byteCount])),
      UInt32(littleEndian: bucket.loadUnaligned(fromByteOffset: 32, as: UInt32.self)),
      UInt32(littleEndian: bucket.loadUnaligned(fromByteOffset: 36, as: UInt32.self))
    )
  }

  public subscript(id: ChunkID) -> Location? {
    var slot = home(id)
    while true {
      let at = slot * LocationTable.words
      let segment = slots[at + 3]
      if segment == LocationTable.empty { return nil }
      if segment != LocationTable.deleted, isSame(at, id) { return (segment, slots[at + 4]) }
      slot = slot + 1 == slotCount ? 0 : slot + 1
    }
  }

  /// Inserts or replaces. The segment must not be above `HashIndex.maximumValue`.
  public mutating func set(_ id: ChunkID, _ location: Location) {
    precondition(location.segment <= HashIndex.maximumValue)
    let (slot, isKnown) = place(of: id)
    let at = slot * LocationTable.words
    slots[at] = UInt32(truncatingIfNeeded: id.words.0)
    slots[at + 1] = UInt32(truncatingIfNeeded: id.words.0 >> 32)
    slots[at + 2] = UInt32(truncatingIfNeeded: id.words.1)
    slots[at + 3] = location.segment
    slots[at + 4] = location.offset
    if isKnown { return }
    count += 1
    usedCount += 1
    if usedCount > slotCount / 16 * 15 { rebuild() }
  }

  public mutating func remove(_ id: ChunkID) {
    let (slot, isKnown) = place(of: id)
    guard isKnown else { return }
    slots[slot * LocationTable.words + 3] = LocationTable.deleted
    count -= 1
  }

  /// Where an id is, or the empty slot at the end of its way.
  private mutating func place(of id: ChunkID) -> (slot: Int, isKnown: Bool) {
    var slot = home(id)
    while true {
      let at = slot * LocationTable.words
      if slots[at + 3] == LocationTable.empty { return (slot, false) }
      if slots[at + 3] != LocationTable.deleted, isSame(at, id) { return (slot, true) }
      slot = slot + 1 == slotCount ? 0 : slot + 1
      probes &+= 1
    }
  }

  private func home(_ id: ChunkID) -> Int { home(probeStart: id.probeStart) }

  private func home(probeStart: UInt32) -> Int {
    Int(UInt64(order.remainder(probeStart)) &* UInt64(slotCount) / bucketCount)
  }

  private func isSame(_ at: Int, _ id: ChunkID) -> Bool {
    slots[at] == UInt32(truncatingIfNeeded: id.words.0) && slots[at + 1] == UInt32(truncatingIfNeeded: id.words.0 >> 32)
      && slots[at + 2] == UInt32(truncatingIfNeeded: id.words.1)
  }

  /// Moves the entries to a table with room for more, without what was deleted.
  private mutating func rebuild() {
    let old = slots
    slotCount = LocationTable.slots(for: count + count / 4)
    slots = Array(repeating: LocationTable.empty, count: slotCount * LocationTable.words)
    usedCount = count
    for from in stride(from: 0, to: old.count, by: LocationTable.words) where old[from + 3] < LocationTable.deleted {
      var slot = home(probeStart: old[from])
      while slots[slot * LocationTable.words + 3] != LocationTable.empty { slot = slot + 1 == slotCount ? 0 : slot + 1 }
      for word in 0..<LocationTable.words { slots[slot * LocationTable.words + word] = old[from + word] }
    }
  }

  private static func slots(for capacity: Int) -> Int { max(smallest, capacity + capacity / 5) }
}
