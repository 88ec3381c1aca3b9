import BorgFormat

/// Which objects are asked for before they are needed, and the replies that came early. Only decides; sends nothing.
///
/// Ids wait in a queue until there is room: so many bytes may be on their way, and so many may be held here. Where sizes
/// are not known they are estimated by what came lately. What is held is taken once for each time that it was announced.
/// Replies that nobody takes do not block the others for ever: a demand for something else while there is no room lets the
/// older half go.
struct ReadAheadWindow {
  struct Limits {
    var bytesOnTheirWay = 16 << 20
    var requestsOnTheirWay = 16384
    var bytesHeld = 96 << 20
    /// Ids that wait; more are not noted, and fetched when they are needed.
    var idsWaiting = 1 << 20
  }

  typealias Reply = Result<[UInt8], any Error>

  private enum State {
    case requested
    case held(Reply)
  }

  private struct Entry {
    var state: State
    let message: Int64
    let roundTrip: Int
    /// How often it was announced and not yet taken.
    var uses = 1
    /// Callers that wait for it.
    var waiters = 0
    var arrival = 0
  }

  private let limits: Limits
  private var entries: [ChunkID: Entry] = [:]
  private var queue: [(id: ChunkID, size: Int?)] = []
  private var head = 0
  /// How often each id stands in the queue, and how many of these are void since it was fetched at once.
  private var queued: [ChunkID: (count: Int, void: Int)] = [:]
  /// The sizes that messages on their way are expected to bring, and their sum.
  private var requested: [Int64: Int] = [:]
  private var bytesRequested = 0
  private(set) var bytesHeld = 0
  private var arrivals = 0
  private var usualSize = 128 << 10

  init(limits: Limits = Limits()) { self.limits = limits }

  var isEmpty: Bool { entries.isEmpty && head == queue.count }

  /// Appends ids to those that will be asked for, with their sizes if those are known.
  mutating func announce(_ ids: some Collection<ChunkID>, sizes: [Int] = []) {
    for (number, id) in ids.prefix(limits.idsWaiting - (queue.count - head)).enumerated() {
      queue.append((id, number < sizes.count ? sizes[number] : nil))
      queued[id, default: (0, 0)].count += 1
    }
  }

  /// The next id to be sent, if there is room for it; `sent` must follow.
  mutating func next() -> (id: ChunkID, size: Int)? {
    while head < queue.count, case let size = queue[head].size ?? usualSize, hasRoom(for: size) {
      let id = dequeue()
      guard let place = queued[id] else { continue }
      queued[id] = place.count > 1 ? (place.count - 1, max(0, place.void - 1)) : nil
      if place.void > 0 { continue }
      guard entries[id] == nil else {
        entries[id]?.uses += 1
        continue
      }
      return (id, size)
    }
    return nil
  }

  /// `roundTrip` is given back with the reply.
  mutating func sent(_ id: ChunkID, size: Int, as message: Int64, roundTrip: Int = 0) {
    entries[id] = Entry(state: .requested, message: message, roundTrip: roundTrip)
    requested[message] = size
    bytesRequested += size
  }

  private func hasRoom(for size: Int) -> Bool {
    if requested.isEmpty { return bytesHeld < limits.bytesHeld }
    let onTheirWay = bytesRequested + size
    return requested.count < limits.requestsOnTheirWay && onTheirWay <= limits.bytesOnTheirWay
      && bytesHeld + onTheirWay <= limits.bytesHeld
  }

  private mutating func dequeue() -> ChunkID {
    defer {
      head += 1
      if head > 4096, head > queue.count / 2 {
        queue.removeFirst(head)
        head = 0
      }
    }
    return queue[head].id
  }

  // MARK: Replies

  /// Notes the reply of a message that was sent for `id`; true: somebody waits for it. Replies that were given up, and
  /// such as there is no more room for, are dropped.
  mutating func receive(_ reply: Reply, of id: ChunkID, message: Int64) -> Bool {
    bytesRequested -= requested.removeValue(forKey: message) ?? 0
    let size = ReadAheadWindow.size(reply)
    usualSize = size > usualSize ? (usualSize + size) / 2 : usualSize - (usualSize - size) / 16
    guard let entry = entries[id], entry.message == message, case .requested = entry.state else { return false }
    let waiters = entry.waiters
    guard waiters > 0 || bytesHeld + size <= limits.bytesHeld else {
      entries[id] = nil
      return false
    }
    arrivals += 1
    entries[id]?.state = .held(reply)
    entries[id]?.arrival = arrivals
    bytesHeld += size
    return waiters > 0
  }

  enum Taken {
    case reply(Reply, roundTrip: Int)
    /// It is on its way as this message: wait, then ask again.
    case wait(Int64)
    /// To be fetched at once.
    case unknown
  }

  /// The reply for one need of an object. `waitingFor`: the message that this caller was told to wait for before. The
  /// object may have been given up and asked for again since.
  mutating func take(_ id: ChunkID, waitingFor message: Int64? = nil) -> Taken {
    guard var entry = entries[id] else {
      if let place = queued[id], place.void < place.count { queued[id] = (place.count, place.void + 1) }
      if !hasRoom(for: usualSize) { dropOlderHalf() }
      return .unknown
    }
    let isCounted = entry.message == message
    switch entry.state {
    case .requested:
      if !isCounted { entries[id]?.waiters += 1 }
      return .wait(entry.message)
    case .held(let reply):
      if isCounted { entry.waiters -= 1 }
      entry.uses -= 1
      if entry.uses > 0 || entry.waiters > 0 {
        entries[id] = entry
      } else {
        entries[id] = nil
        bytesHeld -= ReadAheadWindow.size(reply)
      }
      return .reply(reply, roundTrip: entry.roundTrip)
    }
  }

  /// The object has changed: what was read ahead of it is not it any more.
  mutating func forget(_ id: ChunkID) {
    guard let entry = entries.removeValue(forKey: id) else { return }
    if case .held(let reply) = entry.state { bytesHeld -= ReadAheadWindow.size(reply) }
  }

  /// Gives everything up; replies still on their way will be dropped.
  mutating func forgetAll() {
    entries = [:]
    queue = []
    head = 0
    queued = [:]
    bytesHeld = 0
  }

  private mutating func dropOlderHalf() {
    let held = entries.filter { entry in
      if case .held = entry.value.state { return entry.value.waiters == 0 }
      return false
    }.sorted { $0.value.arrival < $1.value.arrival }
    for (id, _) in held {
      if bytesHeld <= limits.bytesHeld / 2 { return }
      forget(id)
    }
  }

  private static func size(_ reply: Reply) -> Int {
    if case .success(let bytes) = reply { bytes.count } else { 0 }
  }
}
