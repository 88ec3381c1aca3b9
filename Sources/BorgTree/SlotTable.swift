/// An open-addressing hash table of numbers that are kept elsewhere: four bytes a slot, linear probing.
struct SlotTable: Sendable {
  /// 0: free; else the number plus 1.
  private var slots: [UInt32] = Array(repeating: 0, count: 64)
  private(set) var count = 0

  init() {}

  /// The table whose image was kept; nil: it is no table of numbers below `limit`.
  init?(image: [UInt32], below limit: Int) {
    guard image.count > 0, image.count & (image.count - 1) == 0 else { return nil }
    count = image.count { $0 != 0 }
    // A free slot ends every search.
    guard count < image.count, image.allSatisfy({ $0 <= limit }) else { return nil }
    slots = image
  }

  var image: [UInt32] { slots }
  var byteCount: Int { slots.count * 4 }

  /// The first number with this hash for which `matches` holds.
  @inline(__always)
  func first(hash: UInt32, where matches: (UInt32) -> Bool) -> UInt32? {
    let mask = slots.count &- 1
    var index = Int(hash) & mask
    while slots[index] != 0 {
      if matches(slots[index] &- 1) { return slots[index] &- 1 }
      index = (index &+ 1) & mask
    }
    return nil
  }

  /// Adds a number that is not in the table. `hashOf` tells the hash of any number in it.
  mutating func insert(_ number: UInt32, hash: UInt32, hashOf: (UInt32) -> UInt32) {
    if count >= slots.count / 4 * 3 { grow(hashOf) }
    place(number, hash)
    count += 1
  }

  private mutating func place(_ number: UInt32, _ hash: UInt32) {
    let mask = slots.count &- 1
    var index = Int(hash) & mask
    while slots[index] != 0 { index = (index &+ 1) & mask }
    slots[index] = number &+ 1
  }

  private mutating func grow(_ hashOf: (UInt32) -> UInt32) {
    let old = slots
    slots = Array(repeating: 0, count: old.count * 2)
    for slot in old where slot != 0 { place(slot &- 1, hashOf(slot &- 1)) }
  }
}

/// Distinct byte strings, numbered in the order of their first appearance.
struct ByteTable: Sendable {
  private let hash = NameHash()
  private var bytes: [UInt8] = []
  private var entries: [(start: Int, end: Int, hash: UInt32)] = []
  private var slots = SlotTable()

  var count: Int { entries.count }
  /// Of all keys.
  var byteCount: Int { bytes.count }

  func withBytes<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[entries[index].start..<entries[index].end])) }
  }

  func index(of key: UnsafeRawBufferPointer) -> Int? { find(key, hash(key)).map(Int.init) }

  /// The key's number, and whether it is new; nil when the table is full.
  mutating func insert(_ key: UnsafeRawBufferPointer) -> (index: Int, isNew: Bool)? {
    let hash = hash(key)
    if let found = find(key, hash) { return (Int(found), false) }
    guard let number = UInt32(exactly: entries.count), number < .max else { return nil }
    entries.append((bytes.count, bytes.count + key.count, hash))
    bytes.append(contentsOf: key)
    let entries = entries
    slots.insert(number, hash: hash) { entries[Int($0)].hash }
    return (Int(number), true)
  }

  private func find(_ key: UnsafeRawBufferPointer, _ hash: UInt32) -> UInt32? {
    bytes.withUnsafeBytes { bytes in
      slots.first(hash: hash) { number in
        let entry = entries[Int(number)]
        return entry.hash == hash && equal(UnsafeRawBufferPointer(rebasing: bytes[entry.start..<entry.end]), key)
      }
    }
  }
}
