import BorgFormat
import BorgObjects
import BorgSystem

/// Checks one archive's item stream and counts what its items refer to. Where it is damaged, it goes on at the next
/// place where an item can be read, and a new stream is made of what is left.
///
/// A stream without damage is not packed again. With the first change the chunks before it stay as they are, and the
/// one in which it lies (or the one before, whose end depends on what follows) begins the new part.
struct ItemStreamRepair {
  private let archive: CheckedArchive
  private let state: CheckState
  private let furtherKeys: Set<[UInt8]>
  /// Bytes from the last settled chunk boundary before the current item on.
  private var window: [UInt8] = []
  /// Where the current item begins.
  private var position = 0
  /// Where in the window chunks begin that lie behind its start, with their numbers.
  private var boundaries: [(offset: Int, chunk: Int)] = []
  /// The chunk with which the window begins.
  private var firstChunk = 0
  /// An incomplete item, or a place to go on at, is looked for again when so many bytes are there.
  private var nextAttempt = 0
  private var isResyncing = false
  /// Bytes that came, and bytes that were looked at in vain.
  private var received = 0
  private var wasted = 0
  /// Made with the first change.
  private var packer: ItemPacker?
  private var newChunks: [ChunkID] = []
  private var number = 0

  struct Result {
    let isChanged: Bool
    /// The stream's chunks. Those of a changed stream have their references already.
    let chunks: [ChunkID]
  }

  init(_ archive: CheckedArchive, _ state: CheckState) {
    self.archive = archive
    self.state = state
    furtherKeys = Set(state.session.manifest.data.itemKeys)
  }

  /// Takes all chunks of the stream, which `next` hands out in order.
  mutating func run(_ next: () throws -> CheckedObject) throws -> Result {
    for number in archive.metadata.items.indices {
      self.number = number
      switch try next() {
      case .bytes(let bytes): try accept(bytes)
      case .missing: try lose("item metadata chunk missing")
      case .damaged(let text): try lose(text)
      case .failed(let error): throw error
      }
    }
    return try finish()
  }

  private mutating func finish() throws -> Result {
    try readDeferred()
    if position < window.count, !isResyncing {
      report("The item metadata ends inside an item")
      try beginChange()
    }
    guard packer != nil else {
      // The archive's metadata is packed anew although its stream stays: then these are its references.
      if !archive.isAuthenticated { for id in archive.metadata.items { state.references.add(id) } }
      return Result(isChanged: false, chunks: archive.metadata.items)
    }
    try storeStream(isEnd: true)
    return Result(isChanged: true, chunks: newChunks)
  }

  // MARK: Taking chunks

  private mutating func accept(_ bytes: [UInt8]) throws {
    if window.isEmpty { firstChunk = number } else { boundaries.append((window.count, number)) }
    window += bytes
    received += bytes.count
    let isTooLong = window.count - position > StreamWindow.maximumItemLength
    if isTooLong || window.count - position >= nextAttempt { try readItems() }
    guard window.count - position <= StreamWindow.maximumItemLength else {
      report("An item's metadata is too long, trying to resync...")
      try beginChange()
      return resync(from: window.count)
    }
    cutOffUsed()
  }

  /// A chunk is not there: the item that reaches into it is lost.
  private mutating func lose(_ reason: String) throws {
    try readDeferred()
    report(reason)
    try beginChange()
    resync(from: window.count)
  }

  private mutating func resync(from place: Int) {
    position = place
    isResyncing = true
    nextAttempt = 0
  }

  /// Whether the cut at a boundary stays where it is, whatever becomes of the current item and those behind it: cuts
  /// are made by what follows them.
  private func isSettled(_ boundary: (offset: Int, chunk: Int)) -> Bool {
    boundary.offset + ItemStreamRepair.chunkerWindow <= position
  }

  private static let chunkerWindow = 4095

  private mutating func cutOffUsed() {
    guard let last = boundaries.lastIndex(where: isSettled) else { return }
    let (offset, chunk) = boundaries[last]
    boundaries.removeFirst(last + 1)
    for index in boundaries.indices { boundaries[index].offset -= offset }
    window.removeFirst(offset)
    position -= offset
    firstChunk = chunk
  }

  private func report(_ message: String) {
    let digits = String(number)
    let zeros = String(repeating: "0", count: max(0, 6 - digits.utf8.count))
    state.report("\(message) [chunk: \(zeros)\(digits)_\(archive.metadata.items[number].hex)]")
  }

  // MARK: Reading items

  /// Looks again at what waits for more bytes, when no more will come.
  private mutating func readDeferred() throws {
    if nextAttempt > 0 { try readItems() }
  }

  /// Reads all items that are complete; for the rest `nextAttempt` tells when to look again.
  private mutating func readItems() throws {
    nextAttempt = 0
    let bytes = window
    try bytes.withUnsafeBytes { bytes in
      while position < bytes.count {
        if isResyncing, !findItem(in: bytes) { return }
        guard try readItem(UnsafeRawBufferPointer(rebasing: bytes[position...])) else { return }
      }
    }
  }

  /// A stream that is made to look like items everywhere must not take quadratic time: when this much was looked at in
  /// vain, what is there is given up, and looking goes on with what comes.
  private var looksAllowed: Int { 16 * received + (16 << 20) }

  /// False when nothing is left of the allowance.
  private mutating func mayLook() -> Bool {
    if wasted <= looksAllowed { return true }
    wasted = looksAllowed
    return false
  }

  /// Moves to the next place where a whole item with a path is; false when there is none.
  private mutating func findItem(in bytes: UnsafeRawBufferPointer) -> Bool {
    var unfinished = max(position, bytes.count - ItemStreamRepair.longestStart)
    for place in position..<bytes.count where ItemReview.mayBegin(at: place, in: bytes) {
      guard mayLook() else {
        position = bytes.count
        return false
      }
      let rest = UnsafeRawBufferPointer(rebasing: bytes[place...])
      do {
        let review = try ItemReview(rest, furtherKeys: furtherKeys)
        if let review, review.hasPath {
          position = place
          isResyncing = false
          return true
        }
        if review == nil { unfinished = min(unfinished, place) }
      } catch {}
      wasted += rest.count
    }
    position = unfinished
    nextAttempt = (bytes.count - position) * 2
    return false
  }

  /// A map's head and the longest key of an item.
  private static let longestStart = 24

  /// Reads one item; false when it is not complete.
  private mutating func readItem(_ bytes: UnsafeRawBufferPointer) throws -> Bool {
    let review: ItemReview?
    do {
      review = try ItemReview(bytes, furtherKeys: furtherKeys)
    } catch is FormatError {
      report("Unpacker crashed while unpacking item metadata, trying to resync...")
      try beginChange()
      wasted += bytes.count
      resync(from: mayLook() ? position + 1 : window.count)
      return true
    }
    guard let review else {
      wasted += bytes.count
      nextAttempt = bytes.count * 2
      return false
    }
    let item = UnsafeRawBufferPointer(rebasing: bytes[..<review.byteCount])
    if let problem = review.problem {
      try drop(problem)
    } else if review.hasHealthyList {
      try repair(item)
    } else {
      var isComplete = true
      var size: Int64 = 0
      review.forEachChunk(in: item) { chunk in
        size &+= Int64(chunk.size)
        if !state.references.add(chunk.id) { isComplete = false }
      }
      if isComplete {
        if review.hasChunks, let stated = review.size, stated != size { warn(item, stated, size) }
        try keep(item)
      } else {
        try repair(item)
      }
    }
    position += review.byteCount
    return true
  }

  private mutating func drop(_ problem: String) throws {
    report("Did not get expected metadata dict when unpacking item metadata (\(problem))")
    try beginChange()
  }

  private mutating func repair(_ item: UnsafeRawBufferPointer) throws {
    switch try FileChunkRepair(archive.entry.name, state).run([UInt8](item)) {
    case .unchanged: try keep(item)
    case .changed(let bytes):
      try beginChange()
      try bytes.withUnsafeBytes { try keep($0) }
    case .hopeless(let problem): try drop(problem)
    }
  }

  private func warn(_ item: UnsafeRawBufferPointer, _ stated: Int64, _ actual: Int64) {
    let path = (try? MessagePackValue(decoding: [UInt8](item)))?["path"]?.rawValue ?? []
    FileChunkRepair.warn(archive.entry.name, path, stated, actual, state)
  }

  // MARK: The new stream

  private mutating func keep(_ item: UnsafeRawBufferPointer) throws {
    guard packer != nil else { return }
    packer?.add(packed: item)
    if packer?.isFull == true { try storeStream(isEnd: false) }
  }

  /// From here on the stream is made anew: the chunks before the current item's stay.
  private mutating func beginChange() throws {
    guard packer == nil else { return }
    let (start, index) = boundaries.last(where: isSettled) ?? (0, firstChunk)
    newChunks = Array(archive.metadata.items[..<index])
    for id in newChunks { state.references.add(id) }
    var packer = ItemPacker(seed: state.session.key.chunkSeed)
    packer.add(packed: window[start..<position])
    self.packer = packer
  }

  private mutating func storeStream(isEnd: Bool) throws {
    var stored: [ChunkID] = []
    try packer?.drain(isEnd: isEnd) { bytes in stored.append(try state.store(bytes)) }
    newChunks += stored
  }
}
