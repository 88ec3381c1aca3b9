import BorgArchive
import BorgFormat
import Synchronization

/// Reads small files ahead of programs that open one after the other, as copying, searching and thumbnailing do: files
/// that are neighbours in a folder are neighbours in the archive's item stream.
final class NeighbourReader: Sendable {
  private let metadata: ChunkReader
  private let data: ChunkReader
  private let readAhead: ReadAhead
  private let filesAhead: Int
  private let runs = Mutex<(list: [Run], count: Int)>(([], 0))

  /// One program's way through an archive. Places are in bytes of the item stream, counted inside stream chunks.
  private struct Run {
    let number: Int
    var archive: ChunkID
    var last: Place
    /// Where reading ahead goes on, and from where on it is time to do so.
    var frontier: Place
    var trigger: Place
    var hits = 0
    var isExtending = false
  }

  private static let maximumRuns = 8
  private static let hitsToTrust = 2
  private static let bytesAhead = 4 << 20
  private static let largestFile = 1 << 20

  /// `filesAhead`: at most so many files that nobody has opened yet.
  init(metadata: ChunkReader, data: ChunkReader, readAhead: ReadAhead, filesAhead: Int) {
    self.filesAhead = filesAhead
    self.metadata = metadata
    self.data = data
    self.readAhead = readAhead
  }

  /// The item at this location is being opened.
  func noteOpening(_ location: ItemLocation, in archive: Archive) {
    guard let (run, from) = note(location, archive.entry.id) else { return }
    let taken = readAhead.perform { [self] in extend(run, from, in: archive) }
    if !taken { change(run) { $0.isExtending = false } }
  }

  /// The run the item belongs to, and from where on to read ahead now; nil: nothing is to be done.
  private func note(_ location: ItemLocation, _ archive: ChunkID) -> (run: Int, from: Place)? {
    let place = Place(location)
    return runs.withLock { runs in
      guard let index = runs.list.firstIndex(where: { $0.archive == archive && place.isNear($0.last, $0.frontier) })
      else {
        if runs.list.count == NeighbourReader.maximumRuns { runs.list.removeFirst() }
        let end = Place(chunk: location.firstChunk, offset: UInt64(location.offset) + UInt64(location.length))
        runs.list.append(Run(number: runs.count, archive: archive, last: place, frontier: end, trigger: end))
        runs.count += 1
        return nil
      }
      var run = runs.list[index]
      defer { runs.list[index] = run }
      run.hits += 1
      run.last = max(run.last, place)
      if place > run.frontier { (run.frontier, run.trigger) = (place, place) }
      guard run.hits >= NeighbourReader.hitsToTrust, !run.isExtending, place >= run.trigger else { return nil }
      run.isExtending = true
      return (run.number, run.frontier)
    }
  }

  private func change(_ number: Int, _ body: (inout Run) -> Void) {
    runs.withLock { runs in
      if let index = runs.list.firstIndex(where: { $0.number == number }) { body(&runs.list[index]) }
    }
  }

  /// Has the small files after a place fetched. Damage is for whoever opens what is damaged.
  private func extend(_ run: Int, _ from: Place, in archive: Archive) {
    var place = from
    var middle = from
    var wanted: [ChunkListEntry] = []
    var byteCount = 0
    while wanted.count < filesAhead, byteCount < NeighbourReader.bytesAhead {
      guard let (item, next) = try? item(at: place, in: archive) else { break }
      place = next
      if wanted.count < filesAhead / 2 { middle = place }
      guard item.isRegular, let chunk = item.chunks?.first, item.chunks?.count == 1,
        Int(chunk.size) <= NeighbourReader.largestFile
      else { continue }
      wanted.append(chunk)
      byteCount += Int(chunk.size)
    }
    readAhead.request(wanted)
    change(run) {
      $0.isExtending = false
      $0.frontier = max($0.frontier, place)
      $0.trigger = place > from ? middle : .end
    }
  }

  /// The item that begins at a place, and where the next one begins; nil at the end of a stream chunk, where items are
  /// cut.
  private func item(at place: Place, in archive: Archive) throws -> (Item, Place)? {
    let ids = archive.metadata.items
    var place = place
    while Int(place.chunk) < ids.count {
      let bytes = try metadata.chunk(ids[Int(place.chunk)])
      if place.offset < UInt64(bytes.count) {
        return try bytes.withUnsafeBytes { bytes in
          let decoded = try ItemCodec.decode(UnsafeRawBufferPointer(rebasing: bytes[Int(place.offset)...]))
          return decoded.map { ($0.item, Place(chunk: place.chunk, offset: place.offset + UInt64($0.byteCount))) }
        }
      }
      place = Place(chunk: place.chunk + 1, offset: place.offset - UInt64(bytes.count))
    }
    return nil
  }
}

/// A place in an archive's item stream.
private struct Place: Comparable {
  var chunk: UInt32
  var offset: UInt64

  static let end = Place(chunk: .max, offset: .max)
  private static let near: UInt64 = 32 << 10

  init(chunk: UInt32, offset: UInt64) {
    self.chunk = chunk
    self.offset = offset
  }

  init(_ location: ItemLocation) { self.init(chunk: location.firstChunk, offset: UInt64(location.offset)) }

  static func < (a: Place, b: Place) -> Bool { (a.chunk, a.offset) < (b.chunk, b.offset) }

  /// Whether it lies between the two or a little before or after them.
  func isNear(_ last: Place, _ frontier: Place) -> Bool {
    if last <= self, self <= frontier { return true }
    if chunk == last.chunk { return max(offset, last.offset) - min(offset, last.offset) <= Place.near }
    return chunk == last.chunk &+ 1 && offset <= Place.near
  }
}
