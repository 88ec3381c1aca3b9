import BorgFormat
import BorgRepository
import BorgSystem

/// Looks for items in many archives at once. Archives of the same files share most of their item stream's chunks: each
/// of these is fetched and skimmed once, whichever archive comes first, and found again by id in all the others.
///
/// Items do not end where chunks do, so what a chunk yields depends on the item that reaches into it. That is the stream's
/// *state*, and what is remembered is: in this state, this chunk yields these items and leaves that state.
public final class ArchiveSearch {
  private let session: RepositorySession
  private let wanted: (borrowing ItemSummary) -> Bool
  private let pipeline: ChunkPipeline
  private let reader: ChunkReader
  private var known: Set<ChunkID> = []
  private var steps: [StepKey: Int] = [:]
  private var outcomes: [Outcome] = []
  private var states = StreamStates()
  private(set) var sightings: [Sighting] = []
  /// First names of hard links, whether wanted or not.
  private var masters: [Sighting] = []
  /// Stream chunks that were skimmed, some more than once when archives part before them.
  public private(set) var skimmedChunks = 0

  private static let bytesAhead = 32 << 20
  private static let archivesAhead = 4

  private struct StepKey: Hashable {
    var state: Int
    var chunk: ChunkID
  }

  /// What a chunk yields in a state.
  private struct Outcome {
    var sightings: Range<Int>
    var masters: Range<Int>
    var next: Int
    /// The archives it is part of, in order.
    var archives: [UInt32] = []
  }

  /// An archive on its way: its stream's chunks and which of them are to come out of the pipeline.
  private struct Opened {
    var ids: [ChunkID] = []
    var isFresh: [Bool] = []
    var error: (any Error)?
  }

  /// `wanted` says which items count.
  public init(in session: RepositorySession, wanted: @escaping (borrowing ItemSummary) -> Bool) {
    self.session = session
    self.wanted = wanted
    pipeline = ChunkPipeline(
      repository: session.repository, codec: session.codec, maximumBytesAhead: ArchiveSearch.bytesAhead)
    reader = ChunkReader(
      repository: session.repository, codec: session.codec, cacheBytes: ArchiveSearch.bytesAhead)
  }

  /// Searches the archives, in their order. What cannot be read is told to `damaged`, and costs the rest of that
  /// archive. Findings are sorted by path.
  public func search(
    _ entries: [Manifest.Entry], damaged: (Manifest.Entry, any Error) -> Void
  ) -> [Finding] {
    defer { pipeline.close() }
    var ahead: [Opened] = []
    var next = 0
    for (ordinal, entry) in entries.enumerated() {
      while next < entries.count, ahead.count <= ArchiveSearch.archivesAhead {
        ahead.append(open(entries[next]))
        next += 1
      }
      let opened = ahead.removeFirst()
      if let error = opened.error { damaged(entry, error) } else { search(opened, ordinal, entry, damaged) }
    }
    return findings()
  }

  private func open(_ entry: Manifest.Entry) -> Opened {
    var opened = Opened()
    do { opened.ids = try Archive(entry, in: session).metadata.items } catch {
      opened.error = error
      return opened
    }
    opened.isFresh = opened.ids.map { known.insert($0).inserted }
    let fresh = zip(opened.ids, opened.isFresh).filter(\.1)
    pipeline.request(fresh.map { ChunkListEntry(id: $0.0, size: 0, storedSize: 0) })
    return opened
  }

  private func search(
    _ opened: Opened, _ ordinal: Int, _ entry: Manifest.Entry, _ damaged: (Manifest.Entry, any Error) -> Void
  ) {
    var state = StreamStates.empty
    for (index, id) in opened.ids.enumerated() {
      do {
        state = try step(state, id, isFresh: opened.isFresh[index], ordinal, entry)
      } catch {
        damaged(entry, error)
        for isFresh in opened.isFresh[(index + 1)...] where isFresh { _ = try? pipeline.next() }
        return
      }
    }
    do { try finish(state, ordinal, entry) } catch { damaged(entry, error) }
  }

  /// Looks at what is left when the stream ends.
  private func finish(_ state: Int, _ ordinal: Int, _ entry: Manifest.Entry) throws {
    guard state != StreamStates.empty else { return }
    let rest = try states.bytes(state, reader)
    let (first, firstMaster) = (sightings.count, masters.count)
    let used = try skim(rest, entry)
    outcomes.append(
      Outcome(
        sightings: first..<sightings.count, masters: firstMaster..<masters.count, next: StreamStates.empty,
        archives: [UInt32(clamping: ordinal)]))
    guard used == rest.count else {
      throw IntegrityError("Archive \(displayText(entry.name)): the item metadata ends inside an item.")
    }
  }

  /// The state after a chunk.
  private func step(
    _ state: Int, _ id: ChunkID, isFresh: Bool, _ ordinal: Int, _ entry: Manifest.Entry
  ) throws -> Int {
    let fetched = isFresh ? try pipeline.next() : nil
    let key = StepKey(state: state, chunk: id)
    let number: Int
    if let known = steps[key] {
      number = known
    } else {
      number = outcomes.count
      outcomes.append(try skim(state, id, try fetched ?? reader.chunk(id), entry))
      steps[key] = number
    }
    outcomes[number].archives.append(UInt32(clamping: ordinal))
    return outcomes[number].next
  }

  private func skim(_ state: Int, _ id: ChunkID, _ chunk: [UInt8], _ entry: Manifest.Entry) throws -> Outcome {
    skimmedChunks += 1
    let (first, firstMaster) = (sightings.count, masters.count)
    if state == StreamStates.empty {
      let used = try skim(chunk, entry)
      let next =
        used == chunk.count
        ? StreamStates.empty : states.begin(in: id, at: used, length: chunk.count - used)
      return Outcome(sightings: first..<sightings.count, masters: firstMaster..<masters.count, next: next)
    }
    let begun = try states.bytes(state, reader)
    guard begun.count + chunk.count <= StreamWindow.maximumItemLength else {
      throw IntegrityError("An item's metadata is too long.")
    }
    // Skimming a long item again for each chunk would take quadratic time.
    let isWorthIt = begun.count + chunk.count >= states.nextAttempt(state)
    let used = isWorthIt ? try skim(begun + chunk, entry) : 0
    let next =
      used == 0
      ? states.go(on: state, in: id, length: chunk.count, failed: isWorthIt)
      : states.rest(of: state, then: id, length: chunk.count, after: used)
    return Outcome(sightings: first..<sightings.count, masters: firstMaster..<masters.count, next: next)
  }

  /// Notes the wanted ones of the complete items at the front; returns how many bytes these take.
  private func skim(_ bytes: [UInt8], _ entry: Manifest.Entry) throws -> Int {
    try bytes.withUnsafeBytes { bytes in
      var position = 0
      while position < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
        do {
          let location = ItemLocation(firstChunk: 0, offset: 0, length: 0)
          guard let (summary, length) = try ItemCodec.skim(rest, at: location) else { return position }
          if wanted(summary) { sightings.append(Sighting(summary)) }
          if summary.isHardlinkMaster { masters.append(Sighting(summary)) }
          position += length
        } catch let error as FormatError {
          guard let length = try MalformedItem.length(rest, archive: entry.name) else { return position }
          MalformedItem.report(error, archive: entry.name, to: session.context.monitor)
          position += length
        }
      }
      return position
    }
  }

  private func findings() -> [Finding] {
    var archives = [[UInt32]](repeating: [], count: sightings.count)
    var names = Masters()
    for outcome in outcomes {
      for index in outcome.sightings { archives[index] = outcome.archives }
      for index in outcome.masters { names.add(masters[index], archives: outcome.archives) }
    }
    return Finding.findings(sightings, archives: archives, masters: names)
  }
}

/// The states of item streams between two chunks: which bytes, in which chunks, belong to an item that is not complete.
private struct StreamStates {
  static let empty = 0

  private struct State {
    /// `empty`: the item begins in `chunk`.
    var before: Int
    var chunk: ChunkID
    var offset: Int
    var length: Int
    var nextAttempt: Int
  }

  private struct Key: Hashable {
    var before: Int
    var chunk: ChunkID
    var offset: Int
  }

  private var states: [State?] = [nil]
  private var numbers: [Key: Int] = [:]

  mutating func begin(in chunk: ChunkID, at offset: Int, length: Int) -> Int {
    number(State(before: StreamStates.empty, chunk: chunk, offset: offset, length: length, nextAttempt: 0))
  }

  /// The item goes on to the end of another chunk of `length` bytes. `failed`: all of it was looked at in vain.
  mutating func go(on state: Int, in chunk: ChunkID, length: Int, failed: Bool) -> Int {
    let total = (states[state]?.length ?? 0) + length
    let attempt = failed ? total * 2 : nextAttempt(state)
    return number(State(before: state, chunk: chunk, offset: 0, length: total, nextAttempt: attempt))
  }

  /// What is left of the item's bytes and those of another chunk after the first `used` bytes.
  mutating func rest(of state: Int, then chunk: ChunkID, length: Int, after used: Int) -> Int {
    var pieces = [(chunk: chunk, offset: 0, length: length)]
    var number = state
    while let state = states[number] {
      let before = states[state.before]?.length ?? 0
      pieces.append((state.chunk, state.offset, state.length - before))
      number = state.before
    }
    var skipped = used
    var rest = StreamStates.empty
    for piece in pieces.reversed() {
      let dropped = min(skipped, piece.length)
      skipped -= dropped
      guard dropped < piece.length else { continue }
      let total = (states[rest]?.length ?? 0) + piece.length - dropped
      rest = self.number(
        State(before: rest, chunk: piece.chunk, offset: piece.offset + dropped, length: total, nextAttempt: 0))
    }
    return rest
  }

  func nextAttempt(_ state: Int) -> Int { states[state]?.nextAttempt ?? 0 }

  /// The bytes of the item so far.
  func bytes(_ state: Int, _ reader: ChunkReader) throws -> [UInt8] {
    var pieces: [ArraySlice<UInt8>] = []
    var place = states[state]
    while let state = place {
      let chunk = try reader.chunk(state.chunk)
      guard state.offset <= chunk.count else { throw IntegrityError("A chunk has changed its length.") }
      pieces.append(chunk[state.offset...])
      place = states[state.before]
    }
    return Array(pieces.reversed().joined())
  }

  private mutating func number(_ state: State) -> Int {
    let key = Key(before: state.before, chunk: state.chunk, offset: state.offset)
    if let known = numbers[key] { return known }
    numbers[key] = states.count
    states.append(state)
    return states.count - 1
  }
}
