import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Pull form of an archive's items: decoded ahead by worker threads, handed out in archive order on the caller's
/// thread. Call `close` (or exhaust it) before letting go.
///
/// A worker does not know where in its chunk the first item begins: the one before may reach into it. It looks for the
/// first place where an item can be decoded and goes on from there. When the stream gets to that chunk, the bytes
/// before that place must complete the item that was cut, and no more: then, and only then, the worker was right.
/// Otherwise the chunk is decoded again from where the stream really is.
public final class ItemStream {
  private let pipeline: OrderedPipeline<StreamChunk, DecodedChunk>
  private let name: [UInt8]
  private let monitor: any Monitor
  private let chunkCount: Int
  private var nextChunk = 0
  /// The bytes of an item that is not complete yet.
  private var carry: [UInt8] = []
  /// Decoding a long carry again and again would take quadratic time: once more bytes were looked at in vain than
  /// make sense, not before it has the length `nextAttempt`.
  private var nextAttempt = 0
  private var bytesReceived = 0
  private var bytesWasted = 0
  /// Items to hand out: one that was completed, then these, last first, then those that had to be decoded here.
  private var completed: Item?
  private var items: [Item] = []
  private var later: [Item] = []
  /// To be thrown when the items before it have been handed out.
  private var failure: (any Error)?
  private var isAtEnd = false
  /// Values so far that were no items and left out.
  public private(set) var leftOutCount = 0

  public init(_ archive: Archive) throws {
    let repository = archive.session.repository
    let codec = archive.session.codec
    name = archive.entry.name
    monitor = archive.session.context.monitor
    chunkCount = archive.metadata.items.count
    pipeline = OrderedPipeline(
      threads: nil, maximumBytesAhead: ItemStream.maximumBytesAhead,
      announcing: Announcer(repository, maximumBytes: ItemStream.maximumBytesAhead, id: \.id), cost: { $0.bytes.count }
    ) { chunk, workspace in
      let bytes = try codec.unseal(repository.get(chunk.id), id: chunk.id, workspace: workspace)
      return DecodedChunk(bytes, isFirst: chunk.isFirst)
    }
    pipeline.request(
      archive.metadata.items.enumerated().map { number, id in
        (input: StreamChunk(id: id, isFirst: number == 0), expectedCost: ItemStream.usualChunkLength)
      })
  }

  /// Plaintext; decoded items take several times as much.
  private static let maximumBytesAhead = 8 << 20
  private static let usualChunkLength = 128 << 10

  /// Nil at the end. Throws `IntegrityError` where the stream is damaged, after the items before the damage. What is
  /// msgpack but no item is reported and left out.
  public func next() throws -> Item? {
    while true {
      if let item = completed.take() { return item }
      if let item = items.popLast() { return item }
      if !later.isEmpty {
        items = later.reversed()
        later = []
        continue
      }
      if let failure {
        self.failure = nil
        throw failure
      }
      if isAtEnd { return nil }
      do {
        try decodeNextChunk()
      } catch {
        failure = error
        close()
      }
    }
  }

  /// How many of the archive's metadata chunks have been looked at.
  public var chunksTaken: Int { nextChunk }

  public func close() {
    isAtEnd = true
    pipeline.close()
  }

  private func decodeNextChunk() throws {
    guard nextChunk < chunkCount else {
      close()
      if !carry.isEmpty { try decodeCarry() }
      guard carry.isEmpty else {
        throw IntegrityError("Archive \(displayText(name)): the item metadata ends inside an item.")
      }
      return
    }
    nextChunk += 1
    try accept(try pipeline.next())
  }

  /// Takes the chunk's complete items, together with the one that began before it.
  private func accept(_ chunk: DecodedChunk) throws {
    var accepted = 0
    bytesReceived += chunk.bytes.count
    if carry.isEmpty {
      nextAttempt = 0
      if chunk.start == 0 {
        items = chunk.items
        accepted = chunk.end
      }
    } else if let start = chunk.start, mayAttempt, let item = itemCompleted(by: chunk.bytes[..<start]) {
      completed = item
      items = chunk.items
      accepted = chunk.end
      carry.removeAll(keepingCapacity: true)
      nextAttempt = 0
    }
    guard carry.count + chunk.bytes.count - accepted <= StreamWindow.maximumItemLength else {
      throw IntegrityError("Archive \(displayText(name)): an item's metadata is too long.")
    }
    carry += chunk.bytes[accepted...]
    if carry.count >= nextAttempt || chunk.start != nil && mayAttempt { try decodeCarry() }
  }

  private var mayAttempt: Bool { bytesWasted <= 4 * bytesReceived + (16 << 20) }

  /// The item that the carry and these bytes make, if they make exactly one.
  private func itemCompleted(by bytes: ArraySlice<UInt8>) -> Item? {
    let whole = carry + bytes
    let item = whole.withUnsafeBytes { whole -> Item? in
      guard let decoded = try? ItemCodec.decode(whole), decoded.byteCount == whole.count else { return nil }
      return decoded.item
    }
    if item == nil { bytesWasted += whole.count }
    return item
  }

  /// Moves complete items from the front of the carry to `later`.
  private func decodeCarry() throws {
    let used = try carry.withUnsafeBytes { bytes in
      var position = 0
      while position < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
        do {
          guard let decoded = try ItemCodec.decode(rest) else { break }
          later.append(decoded.item)
          position += decoded.byteCount
        } catch let error as FormatError {
          guard let length = try MalformedItem.length(rest, archive: name) else { break }
          MalformedItem.report(error, archive: name, to: monitor)
          leftOutCount += 1
          position += length
        }
      }
      return position
    }
    if used == 0 {
      bytesWasted += carry.count
      nextAttempt = carry.count * 2
    } else {
      carry.removeFirst(used)
      nextAttempt = 0
    }
  }
}

private struct StreamChunk: Sendable {
  var id: ChunkID
  var isFirst: Bool
}

/// A stream chunk with the items that seem to lie in it.
private struct DecodedChunk: Sendable {
  var bytes: [UInt8]
  /// Where the first of `items` begins; nil when no item was found.
  var start: Int?
  /// Where the last of them ends.
  var end = 0
  /// Last first.
  var items: [Item] = []

  init(_ bytes: [UInt8], isFirst: Bool) {
    self.bytes = bytes
    bytes.withUnsafeBytes { bytes in
      var candidate = isFirst ? 0 : DecodedChunk.candidate(in: bytes, from: 0)
      for _ in 0..<DecodedChunk.maximumCandidates {
        guard let place = candidate else { return }
        decode(bytes, from: place)
        if !items.isEmpty || isFirst { return }
        candidate = DecodedChunk.candidate(in: bytes, from: place + 1)
      }
    }
  }

  /// A stream that is made to look like items everywhere must not cost more than a few looks.
  private static let maximumCandidates = 64

  private mutating func decode(_ bytes: UnsafeRawBufferPointer, from place: Int) {
    start = place
    end = place
    while end < bytes.count,
      let decoded = try? ItemCodec.decode(UnsafeRawBufferPointer(rebasing: bytes[end...]))
    {
      items.append(decoded.item)
      end += decoded.byteCount
    }
    items.reverse()
    if items.isEmpty { start = nil }
  }

  /// The next place from `first` on where a map begins whose first key is an item's.
  private static func candidate(in bytes: UnsafeRawBufferPointer, from first: Int) -> Int? {
    var place = first
    while place + 4 < bytes.count {
      let head = bytes[place]
      if head & 0xf0 == 0x80, beginsWithItemKey(bytes, at: place + 1) { return place }
      if head == 0xde, beginsWithItemKey(bytes, at: place + 3) { return place }
      place += 1
    }
    return nil
  }

  private static func beginsWithItemKey(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Bool {
    guard place < bytes.count, bytes[place] & 0xe0 == 0xa0 else { return false }
    let length = Int(bytes[place] & 0x1f)
    guard place + 1 + length <= bytes.count else { return false }
    let key = UnsafeRawBufferPointer(rebasing: bytes[place + 1..<place + 1 + length])
    return ItemCodec.knownKeys.contains { $0.count == length && $0.elementsEqual(key) }
  }
}
