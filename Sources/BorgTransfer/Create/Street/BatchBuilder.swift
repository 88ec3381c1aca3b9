import BorgFormat
import BorgSystem

/// The walker's side of the street: packs records and chunks into batches and hands them on when they are large enough.
final class BatchBuilder: WalkListener {
  private static let maximumRecords = 256
  private static let enoughBytes = 256 << 10

  private let street: Street
  private var batch = Batch(sequence: 0)
  private var arena: Arena?
  /// Where the arena's unused part begins.
  private var used = 0

  init(_ street: Street) {
    self.street = street
  }

  var isDone: Bool { street.isDone }
  var arenaSize: Int { street.arenas.arenaSize }

  func status(_ letter: UInt8, _ path: [UInt8]) throws { try add(.status(letter, path)) }
  func warn(_ problem: BackupProblem, _ path: [UInt8]) throws { try add(.warning(problem, path)) }
  func fileChanged(_ path: [UInt8]) throws { try add(.changed(path)) }

  func begin(_ item: Item) throws {
    try add(.begin(item: keep(item)))
  }

  func finish(_ item: Item) throws {
    try add(.finish(item: keep(item)))
  }

  func abandon() throws { try add(.abandon) }
  func remember(_ identity: FileIdentity) throws { try add(.remember(identity)) }

  func chunk(known id: ChunkID) throws {
    batch.chunks.append(PendingChunk(content: .known, id: id))
    try add(.chunk(batch.chunks.count - 1))
  }

  func zeros(_ count: Int) throws {
    batch.chunks.append(PendingChunk(content: .zeros(count)))
    batch.byteCount += count
    try add(.chunk(batch.chunks.count - 1))
  }

  /// Everything that is still held back.
  func flush() throws {
    guard !batch.records.isEmpty else { return }
    let full = batch
    batch = Batch(sequence: full.sequence + 1)
    try street.submit(full)
  }

  private func add(_ record: BatchRecord) throws {
    batch.records.append(record)
    if batch.byteCount >= Self.enoughBytes || batch.records.count >= Self.maximumRecords { try flush() }
  }

  private func keep(_ item: Item) -> Int {
    batch.items.append(item)
    return batch.items.count - 1
  }
}

extension BatchBuilder {
  /// Room for at least `count` bytes: the current arena's unused part, or a new arena. What a reader has put into the
  /// old part and not yet handed on is its own matter.
  func room(atLeast count: Int) throws -> UnsafeMutableRawBufferPointer {
    precondition(count <= arenaSize)
    if let arena, arena.memory.count - used >= count {
      return UnsafeMutableRawBufferPointer(rebasing: arena.memory[used...])
    }
    try flush()
    arena = nil
    guard let next = street.arenas.take() else { throw Street.Closed() }
    arena = next
    used = 0
    return next.memory
  }

  /// A new arena that begins with `tail`, which lies in the current one and was not handed on.
  func carryOver(_ tail: UnsafeRawBufferPointer) throws -> UnsafeMutableRawBufferPointer {
    try flush()
    guard let next = street.arenas.take() else { throw Street.Closed() }
    withExtendedLifetime(arena) { next.memory.copyMemory(from: tail) }
    arena = next
    used = 0
    return next.memory
  }

  /// Hands the first `count` bytes of the current room on as one chunk.
  func chunk(taking count: Int) throws {
    guard let arena else { preconditionFailure("room comes before its chunks") }
    precondition(used + count <= arena.memory.count)
    if batch.arena == nil { batch.arena = arena }
    batch.chunks.append(PendingChunk(content: .slice(used, count)))
    batch.byteCount += count
    used += count
    try add(.chunk(batch.chunks.count - 1))
  }
}
