import BorgFormat
import Glibc
import Synchronization

/// The archives a repository's tree shows at one time.
struct ArchiveList {
  private(set) var slots: [ArchiveSlot] = []
  /// When the list last changed, in nanoseconds since 1970.
  private(set) var time: Int64
  private var places: [[UInt8]: Int] = [:]
  private var tagged: [UInt32: ArchiveSlot] = [:]
  /// Where listings go on that had come to archives that are gone, by the positions of these.
  private var formerPlaces: [UInt64: Int] = [:]
  private static let maximumFormerPlaces = 4096

  private var isFilled = false
  /// How many times an archive was read.
  private var readCount = 0

  /// So many are not given up, whatever they take.
  private static let leastRead = 2

  init(time: Int64) { self.time = time }

  func slot(named name: [UInt8]) -> ArchiveSlot? { places[name].map { slots[$0] } }

  /// Counts as a use of the archive.
  func slot(tagged tag: UInt32) -> ArchiveSlot? {
    guard let slot = tagged[tag] else { return nil }
    slot.lastUse.store(readCount, ordering: .relaxed)
    return slot
  }

  /// What comes after the position that was given out with an archive.
  func slots(after position: UInt64) -> ArraySlice<ArchiveSlot> {
    guard position > 2 else { return slots[...] }
    if let tag = UInt32(exactly: position - 2), let slot = tagged[tag], let place = places[slot.archive.name] {
      return slots[(place + 1)...]
    }
    return slots[min(formerPlaces[position] ?? slots.count, slots.count)...]
  }

  /// Shows these archives from now on, those that were shown before with what is known of them.
  mutating func update(_ archives: [TreeArchive], make: (TreeArchive, _ tag: UInt32) -> ArchiveSlot) {
    var names: Set<[UInt8]> = []
    let wanted = archives.filter { $0.name.isFileName && names.insert($0.name).inserted }
    let former = slots
    var known: [TreeArchive: ArchiveSlot] = [:]
    for slot in slots { known[slot.archive] = slot }
    tagged = [:]
    for archive in wanted { if let slot = known[archive] { tagged[slot.tag] = slot } }
    for archive in wanted.filter({ known[$0] == nil }).sorted(by: ArchiveList.isOlder) {
      let slot = make(archive, freeTag(archive.id))
      tagged[slot.tag] = slot
      known[archive] = slot
    }
    slots = wanted.compactMap { known[$0] }
    places = [:]
    for (place, slot) in slots.enumerated() { places[slot.archive.name] = place }
    moveFormerPlaces(former)
    if isFilled { time = max(time + 1, currentTime()) }
    isFilled = true
  }

  /// A listing that came to an archive that is gone goes on after the last one before it that is still there.
  private mutating func moveFormerPlaces(_ former: [ArchiveSlot]) {
    // After so many of the former archives.
    var goesOn = [0]
    for slot in former {
      let place = tagged[slot.tag] === slot ? places[slot.archive.name].map { $0 + 1 } : nil
      goesOn.append(place ?? goesOn[goesOn.count - 1])
    }
    formerPlaces =
      formerPlaces.count > ArchiveList.maximumFormerPlaces
      ? [:] : formerPlaces.mapValues { goesOn[min($0, former.count)] }
    for (place, slot) in former.enumerated() where tagged[slot.tag] !== slot {
      formerPlaces[slot.position] = goesOn[place]
    }
  }

  /// An archive was read: those that nobody has looked into for longest are given up until the others' trees take no
  /// more than `maximumBytes`.
  mutating func noteReading(_ slot: ArchiveSlot, maximumBytes: Int) {
    readCount += 1
    slot.lastUse.store(readCount, ordering: .relaxed)
    let read = slots.indices.compactMap { place in
      slots[place].loaded.map {
        (place: place, lastUse: slots[place].lastUse.load(ordering: .relaxed), bytes: $0.statistics.bytes)
      }
    }
    var total = 0
    for (rank, entry) in read.sorted(by: { $0.lastUse > $1.lastUse }).enumerated() {
      total += entry.bytes
      guard rank >= ArchiveList.leastRead, total > maximumBytes else { continue }
      let unread = slots[entry.place].unread()
      slots[entry.place] = unread
      tagged[unread.tag] = unread
    }
  }

  /// Two ids with equal tags are rare (one chance in 4,000 among 1,000 archives): the older archive has it then.
  private func freeTag(_ id: ChunkID) -> UInt32 {
    var tag = InodeNumber.firstTag(id)
    while tagged[tag] != nil { tag = InodeNumber.tag(after: tag) }
    return tag
  }

  private static func isOlder(_ a: TreeArchive, _ b: TreeArchive) -> Bool {
    (a.start, a.id.words.0, a.id.words.1) < (b.start, b.id.words.0, b.id.words.1)
  }
}

private func currentTime() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
