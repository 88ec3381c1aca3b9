import BorgFormat
import BorgSystem
import Glibc

/// The line to one server: requests out, replies in, any number at once, from any thread.
///
/// One thread reads: replies to whoever waits for their number, what the server says on standard error to the monitor.
/// It waits for nobody, so that the server never stalls while it answers. Requests are written by their caller when
/// there is room in the pipe; what is left over waits in a bounded buffer for a second thread. Replies to announced
/// objects wait in the `ReadAheadWindow`.
final class Connection: @unchecked Sendable {
  // Safe: all mutable state is touched under `condition`'s lock only, or when both threads have ended; `decoder` and
  // `log` belong to the reading thread, and before its start and after its end to the thread that starts and joins it.
  let condition = Condition()
  let channel: Channel
  let clock: Clock
  let silenceLimit: Int64?
  var decoder = ReplyDecoder()
  var log: RemoteLog

  final class Call: @unchecked Sendable {
    // Safe: touched under the connection's lock only, or by one thread when the outcome is there.
    var outcome: Result<MessagePackValue, any Error>?
    var roundTrip = 0
  }

  var ledger = RequestLedger()
  private var window: ReadAheadWindow
  /// Why the line is of no use any more.
  var failure: (any Error)?
  private var isNegotiated = false
  private var isClosed = false
  /// When the server was last heard of, or first owed an answer.
  var lastSign: Int64 = 0

  let maximumBuffered: Int
  var outgoing = OutgoingBuffer()
  var limiter: UploadLimiter
  var waitingThreads = 0
  /// The threads are to end.
  var isStopping = false
  private var threads: [Worker] = []
  let wake: Pipe

  private var bytesSent = 0
  private var bytesReceived = 0

  private static let defaultBuffered = 4 << 20

  /// How the user calls the repository.
  private let location: String
  private let monitor: any Monitor

  init(
    _ channel: Channel, _ options: RemoteOptions, location: String, window: ReadAheadWindow = ReadAheadWindow(),
    clock: Clock = .system, monitor: any Monitor
  ) throws {
    self.channel = channel
    self.location = location
    self.window = window
    self.clock = clock
    maximumBuffered =
      options.uploadBuffer > 0 ? min(options.uploadBuffer, 1 << 20) << 20 : Connection.defaultBuffered
    silenceLimit = options.silenceLimitSeconds.map { Int64($0) * 1_000_000_000 }
    limiter = UploadLimiter(kibibytesPerSecond: options.uploadRateLimit, time: clock.monotonic())
    log = RemoteLog(monitor)
    self.monitor = monitor
    wake = try Pipe()
    try channel.makeNonBlocking()
    try resume()
  }

  var roundTripCount: Int { condition.withLock { ledger.roundTrips } }
}

// MARK: Requests

extension Connection {
  /// Sends a request and waits for its reply. Throws what the server, or the end of the line, has to say; RemoteError
  /// `connectionClosed` also when `patience` nanoseconds have passed.
  func call(_ request: RepositoryRequest, patience: Int64? = nil) throws -> MessagePackValue {
    try end(begin(request), patience: patience)
  }

  /// The first half of `call`: more can be sent before the reply is waited for.
  func begin(_ request: RepositoryRequest) throws -> Call {
    let call = Call()
    try condition.withLock {
      try checkFailure()
      send(request, to: .caller(call))
    }
    return call
  }

  /// The second half.
  func end(_ call: Call, patience: Int64? = nil) throws -> MessagePackValue {
    let deadline = patience.map { clock.monotonic() + $0 }
    return try condition.withLock {
      while call.outcome == nil {
        try checkFailure()
        try wait(until: deadline)
      }
      ledger.noteUse(of: call.roundTrip)
      return call.outcome
    }?.get() ?? .null
  }

  /// Sends a request that nobody waits for. Throws the error of an earlier one, once this one is sent. Waits while the
  /// buffer is full.
  func post(_ request: RepositoryRequest, changing id: ChunkID) throws {
    try condition.withLock {
      while outgoing.byteCount > maximumBuffered {
        try checkFailure()
        try wait(until: nil)
      }
      try checkFailure()
      window.forget(id)
      send(request, to: .nobody)
      try ledger.throwPosted()
    }
  }

  /// Waits for the replies to everything posted; throws the first error among them.
  func drain() throws {
    try condition.withLock {
      while ledger.hasPosted {
        try checkFailure()
        try wait(until: nil)
      }
      ledger.noteDrained()
      try ledger.throwPosted()
    }
  }

  /// Errors of what was posted, and what was read ahead, mean nothing any more.
  func forgetAll() {
    condition.withLock {
      ledger.forgetPostedFailure()
      window.forgetAll()
    }
  }

  private func checkFailure() throws { if let failure { throw failure } }

  private func wait(until deadline: Int64?) throws {
    waitingThreads += 1
    defer { waitingThreads -= 1 }
    guard let deadline else { return condition.wait() }
    let left = deadline - clock.monotonic()
    guard left > 0 else {
      // Who does not answer in time will not end in time either.
      failure = failure ?? RemoteError.connectionClosed
      condition.broadcast()
      throw RemoteError.connectionClosed
    }
    condition.wait(nanoseconds: left)
  }

  /// Writes at once what the pipe takes.
  private func send(_ request: RepositoryRequest, to addressee: RequestLedger.Addressee) {
    write(request.encoded(note(addressee)))
  }

  private func note(_ addressee: RequestLedger.Addressee, after roundTrips: Int? = nil) -> Int64 {
    if ledger.isEmpty { lastSign = clock.monotonic() }
    return ledger.note(addressee, after: roundTrips)
  }

  private func write(_ frames: [UInt8]) {
    bytesSent += frames.count
    outgoing.append(frames)
    guard !outgoing.isBusy, !limiter.isLimited else { return wakeWriter() }
    writeSome(limit: .max)
    if !outgoing.isEmpty { wakeWriter() }
  }

  private func wakeWriter() { if !outgoing.isBusy { condition.broadcast() } }
}

// MARK: Objects

extension Connection {
  /// An object's bytes: what was read ahead, or asked for now.
  func object(_ id: ChunkID) throws -> [UInt8] {
    let call = Call()
    let outcome = try condition.withLock { () throws -> Result<[UInt8], any Error>? in
      var waitingFor: Int64?
      while true {
        switch window.take(id, waitingFor: waitingFor) {
        case .reply(let reply, let roundTrip):
          ledger.noteUse(of: roundTrip)
          pump()
          return reply
        case .wait(let message):
          try checkFailure()
          waitingFor = message
          try wait(until: nil)
          continue
        case .unknown: break
        }
        try checkFailure()
        send(.get(id), to: .caller(call))
        pump()
        while call.outcome == nil {
          try checkFailure()
          try wait(until: nil)
        }
        ledger.noteUse(of: call.roundTrip)
        return nil
      }
    }
    if let outcome { return try outcome.get() }
    return try Connection.bytes(call.outcome ?? .success(.null)).get()
  }

  /// Announces objects: they are asked for as soon as there is room for them.
  func announce(_ ids: [ChunkID], sizes: [Int] = []) {
    condition.withLock {
      window.announce(ids, sizes: sizes)
      pump()
    }
  }

  /// Sends for announced objects while there is room, all requests in one write.
  private func pump(after roundTrips: Int? = nil) {
    guard !window.isEmpty, failure == nil else { return }
    var frames: [UInt8] = []
    while let (id, size) = window.next() {
      let message = note(.window(id), after: roundTrips)
      window.sent(id, size: size, as: message, roundTrip: (roundTrips ?? ledger.roundTrips) + 1)
      frames += RepositoryRequest.get(id).encoded(message)
    }
    if !frames.isEmpty { write(frames) }
  }

  private static func bytes(_ outcome: Result<MessagePackValue, any Error>) -> Result<[UInt8], any Error> {
    outcome.flatMap { value in
      guard case .raw(let bytes) = value else { return .failure(RemoteError.unexpectedReply("get")) }
      return .success(bytes)
    }
  }
}

// MARK: Replies

extension Connection {
  /// Hands replies to whom they belong. Replies that nobody has asked for are dropped. From the first one on an end of
  /// the line is nothing that a wrong command could explain.
  func deliver(_ replies: [Reply], byteCount: Int) {
    condition.withLock {
      bytesReceived += byteCount
      guard !replies.isEmpty else { return }
      isNegotiated = true
      lastSign = clock.monotonic()
      var roundTrip = ledger.roundTrips
      for reply in replies {
        guard let expected = ledger.settle(reply.message) else { continue }
        roundTrip = max(roundTrip, expected.roundTrip)
        deliver(reply.outcome.mapError { $0.error(location: location) }, to: expected, message: reply.message)
      }
      pump(after: roundTrip)
      if waitingThreads > 0 { condition.broadcast() }
    }
  }

  private func deliver(
    _ outcome: Result<MessagePackValue, any Error>, to expected: RequestLedger.Pending, message: Int64
  ) {
    switch expected.addressee {
    case .caller(let call): (call.outcome, call.roundTrip) = (outcome, expected.roundTrip)
    case .window(let id): _ = window.receive(Connection.bytes(outcome), of: id, message: message)
    case .nobody:
      if case .failure(let error) = outcome { ledger.settlePosted(error) } else { ledger.settlePosted(nil) }
    }
  }

  /// The line is dead: whoever waits, and whoever comes, is told so.
  func fail(_ error: any Error) {
    condition.withLock {
      guard failure == nil else { return }
      failure = isNegotiated ? error : (error as? RemoteError)?.beforeNegotiation ?? error
      ledger.abandonAll()
      condition.broadcast()
    }
  }
}

// MARK: Begin and end

extension Connection {
  /// Starts the threads.
  func resume() throws {
    condition.withLock { isStopping = false }
    let reading = try Worker { [self] in readReplies() }
    threads = [reading]
    do { threads.append(try Worker { [self] in writeRequests() }) } catch {
      suspend()
      throw error
    }
  }

  /// Ends the threads; requests and replies wait in the pipes. Only a process without threads may fork.
  func suspend() {
    let threads = condition.withLock { () -> [Worker] in
      isStopping = true
      condition.broadcast()
      defer { self.threads = [] }
      return self.threads
    }
    guard !threads.isEmpty else { return }
    try? wake.writer.write([0])
    for thread in threads { thread.join() }
    _ = Channel.read(wake.reader, capacity: 16) { _ in }
  }

  /// Ends the connection, at once if it is lost. Idempotent.
  func close(_ patience: Channel.Patience = .usual) {
    let isLost = condition.withLock { failure != nil }
    guard stop() else { return }
    channel.close(isLost ? .lost : patience) { log.receive($0) }
    log.finishLine()
    monitor.debug(
      "RemoteRepository: \(bytesSent) bytes sent, \(bytesReceived) bytes received, \(ledger.lastMessage) messages sent, "
        + "\(ledger.roundTrips) round trips", logger: "borg.remote")
  }

  /// After a fork, in the process that does not go on with it.
  func abandon() {
    if stop() { channel.abandon() }
  }

  private func stop() -> Bool {
    let isFirst = condition.withLock {
      defer { isClosed = true }
      if failure == nil { failure = RemoteError.connectionClosed }
      return !isClosed
    }
    if isFirst { suspend() }
    return isFirst
  }
}
