import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Synchronization
import Testing

@testable import BorgRepository

/// Our client and our server, each in its threads of this process, over two pipes.
struct RemoteRepositoryTests {
  private let sandbox: Sandbox

  init() throws {
    sandbox = try Sandbox()
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  private func connect(
    creating: LocalRepository.CreateOptions? = nil, lock: LockOptions.Mode = .exclusive,
    expecting expectations: RemoteRepository.Expectations = [], besideWriters: Bool = false,
    window: ReadAheadWindow = ReadAheadWindow()
  ) throws -> (repository: RemoteRepository, served: ServedConnection) {
    let served = try ServedConnection(sandbox)
    let location = Location(host: .ssh(user: nil, host: "test", port: nil), path: sandbox.path("repo"))
    var options = RemoteRepository.OpenOptions(lock: LockOptions(mode: lock, waitSeconds: 0), creation: creating)
    options.expectations = expectations
    options.readsBesideWriters = besideWriters
    let channel = Channel(requests: served.requests.writer, replies: served.responses.reader)
    return (try RemoteRepository(location, options, channel, window: window, monitor: sandbox.monitor), served)
  }

  @Test func `what is put and committed is there for the next client, in order`() throws {
    let (first, served) = try connect(creating: .init())
    for number in 1...200 { try first.put(id(UInt8(number)), object(number * 100)) }
    try first.delete(id(7))
    try first.commit(CommitOptions())
    first.close()
    // Both servers are threads of one process, so their locks are one: the first must have ended.
    _ = try served.finish()
    let repository = try connect().repository
    #expect(try repository.objectCount() == 199)
    #expect(try repository.get(id(9)) == object(900))
    #expect(throws: RepositoryError.objectNotFound(id: id(7), path: repository.location.repositoryText)) {
      try repository.get(id(7))
    }
    #expect(try repository.list(after: nil, limit: .max).count == 199)
    #expect(try repository.contains(id(7)) == false)
    #expect(try repository.check(repair: false, maximumSeconds: 0))
    repository.close()
  }

  @Test func `an error of a put comes at the latest with the commit, and nothing is committed`() throws {
    var options = LocalRepository.CreateOptions()
    options.storageQuota = 10 << 20
    try sandbox.create("repo", options).close()
    let repository = try connect().repository
    #expect {
      for number in 1...12 { try repository.put(id(UInt8(number)), object(1 << 20)) }
      try repository.commit(CommitOptions())
    } throws: { error in
      if case .storageQuotaExceeded? = error as? RepositoryError { true } else { false }
    }
    try repository.rollback()
    #expect(try repository.objectCount() == 0)
    repository.close()
  }

  @Test func `announced objects come in few round trips, whatever their order of use`() throws {
    let local = try sandbox.create()
    for number in 1...250 { try local.put(id(UInt8(number)), object(2000, seed: UInt8(number))) }
    try local.commit(CommitOptions())
    local.close()
    let repository = try connect(lock: .shared).repository
    let ids = (1...250).map { id(UInt8($0)) }
    let before = repository.roundTripCount
    repository.prefetch(ids)
    for number in (1...250).shuffled() {
      #expect(try repository.get(id(UInt8(number))) == object(2000, seed: UInt8(number)))
    }
    #expect(repository.roundTripCount - before <= 10)
    repository.close()
  }

  @Test func `what is announced and never read blocks nobody`() throws {
    let local = try sandbox.create()
    for number in 1...200 { try local.put(id(UInt8(number)), object(10_000)) }
    try local.commit(CommitOptions())
    local.close()
    var limits = ReadAheadWindow.Limits()
    limits.bytesHeld = 100_000
    limits.bytesOnTheirWay = 100_000
    let repository = try connect(lock: .shared, window: ReadAheadWindow(limits: limits)).repository
    repository.prefetch((1...100).map { id(UInt8($0)) })
    for number in 101...200 { #expect(try repository.get(id(UInt8(number))) == object(10_000)) }
    repository.prefetch((1...100).map { id(UInt8($0)) })
    for number in 1...100 { #expect(try repository.get(id(UInt8(number))) == object(10_000)) }
    repository.close()
  }

  @Test func `a changed object is never served from what was read ahead`() throws {
    let repository = try connect(creating: .init()).repository
    try repository.put(id(1), [1])
    try repository.commit(CommitOptions())
    repository.prefetch([id(1), id(1)])
    #expect(try repository.get(id(1)) == [1])
    try repository.put(id(1), [2])
    #expect(try repository.get(id(1)) == [2])
    repository.close()
  }

  @Test func `an end of the line is one error for all who wait and all who come`() throws {
    let (repository, served) = try connect(creating: .init())
    try served.requests.writer.close()
    #expect(throws: RemoteError.self) { for _ in 0..<1000 { _ = try repository.objectCount() } }
    #expect(throws: RemoteError.self) { try repository.get(id(1)) }
    #expect(throws: RemoteError.self) { try repository.put(id(1), [1]) }
    repository.close()
  }

  @Test func `a greeting of the login shell is shown`() throws {
    let (requests, replies) = (try Pipe(), try Pipe())
    try replies.writer.write(Array("Welcome to the machine\n".utf8))
    let location = Location(host: .ssh(user: nil, host: "test", port: nil), path: sandbox.path("repo"))
    let options = RemoteRepository.OpenOptions(lock: LockOptions(mode: .shared, waitSeconds: 0))
    #expect(throws: RemoteError.unexpectedData(Array("Welcome to the machine\n".utf8))) {
      try RemoteRepository(
        location, options, Channel(requests: requests.writer, replies: replies.reader), monitor: sandbox.monitor)
    }
  }

  @Test func `replies may come in pieces of any size`() throws {
    let replies: [MessagePackValue] = (1...40).map { number in
      .map([
        .init(key: .raw([0x69]), value: .int(Int64(number))),
        .init(key: .raw([0x72]), value: .raw(object(number * 37))),
      ])
    }
    let stream = replies.flatMap { $0.encoded() }
    for size in [1, 3, 64, 1000, stream.count] {
      var decoder = ReplyDecoder()
      var found: [Reply] = []
      for start in stride(from: 0, to: stream.count, by: size) {
        decoder.append(stream[start..<min(start + size, stream.count)])
        while let reply = try decoder.next() { found.append(reply) }
      }
      #expect(found.map(\.message) == Array(1...40))
      #expect(found.allSatisfy { reply in (try? reply.outcome.get()) == .raw(object(Int(reply.message) * 37)) })
    }
  }

  @Test func `the command line is Borg's`() throws {
    var options = RemoteOptions()
    options.rsh = "ssh -i 'my key'"
    options.logLevel = .debug
    options.debugTopics = ["borg.debug.repository.compaction", "borg.debug.other"]
    let location = Location(host: .ssh(user: "u", host: "h", port: 7), path: Array("/p".utf8))
    #expect(
      try options.commandLine(for: location, storageQuota: 5).map { String(decoding: $0, as: UTF8.self) }
        == [
          "ssh", "-i", "my key", "-p", "7", "u@h", "borg", "serve", "--debug",
          "--debug-topic=borg.debug.repository.compaction", "--storage-quota=5",
        ])
    let hostile = Location(host: .ssh(user: nil, host: "-oProxyCommand=x", port: nil), path: Array("/p".utf8))
    #expect(throws: RepositoryError.self) { try options.commandLine(for: hostile) }
  }

  /// The lines that were made, in order.
  private final class Lines: Sendable {
    typealias Line = (repository: RemoteRepository, served: ServedConnection)
    private let made = Mutex<[Line]>([])

    subscript(number: Int) -> Line { made.withLock { $0[number] } }
    var count: Int { made.withLock { $0.count } }

    func append(_ line: Line) -> RemoteRepository {
      made.withLock { $0.append(line) }
      return line.repository
    }
  }

  private func reconnecting(
    _ lines: Lines, _ options: ReconnectingRepository.Options = .init()
  ) throws -> ReconnectingRepository {
    try ReconnectingRepository(options, monitor: sandbox.monitor) { _ in
      lines.append(try connect(lock: .shared))
    }
  }

  @Test func `a mount's repository goes on over a new connection`() throws {
    let local = try sandbox.create()
    try local.put(id(1), [1, 2, 3])
    try local.commit(CommitOptions())
    local.close()
    let lines = Lines()
    let repository = try reconnecting(lines)
    #expect(try repository.get(id(1)) == [1, 2, 3])
    // Both servers are threads of one process, so their locks are one: the first must have ended.
    _ = try lines[0].served.finish()
    #expect(try repository.get(id(1)) == [1, 2, 3])
    #expect(lines.count == 2)
    repository.close()
  }

  @Test func `a connection made while the mount ends is closed with it`() throws {
    let local = try sandbox.create()
    try local.put(id(1), [1, 2, 3])
    try local.commit(CommitOptions())
    local.close()
    let lines = Lines()
    let mounted = Mutex<ReconnectingRepository?>(nil)
    let sandbox = sandbox
    let closers = Mutex<[Worker]>([])
    let repository = try ReconnectingRepository(monitor: sandbox.monitor) { attempt in
      let new = lines.append(try connect(lock: .shared))
      guard let closing = mounted.withLock({ $0 }) else { return new }
      let closer = try Worker { closing.close() }
      closers.withLock { $0.append(closer) }
      while !attempt.isGivenUp { usleep(1000) }
      return new
    }
    mounted.withLock { $0 = repository }
    _ = try lines[0].served.finish()
    #expect(throws: RemoteError.connectionClosed) { try repository.get(id(1)) }
    for closer in closers.withLock({ $0 }) { closer.join() }
    #expect(throws: RemoteError.connectionClosed) { try lines[1].repository.get(id(1)) }
    mounted.withLock { $0 = nil }
  }

  @Test func `one attempt to connect serves all who wait, and none waits longer than its patience`() throws {
    let local = try sandbox.create()
    try local.put(id(1), [1, 2, 3])
    try local.commit(CommitOptions())
    local.close()
    let lines = Lines()
    let attempts = Atomic<Int>(0)
    var options = ReconnectingRepository.Options()
    options.patienceSeconds = 1
    let repository = try ReconnectingRepository(options, monitor: sandbox.monitor) { attempt in
      if attempts.wrappingAdd(1, ordering: .relaxed).newValue > 1 {
        // A server that says nothing.
        while !attempt.isGivenUp { usleep(1000) }
        throw RemoteError.connectionClosed
      }
      return lines.append(try connect(lock: .shared))
    }
    try lines[0].served.requests.writer.close()
    let failures = Atomic<Int>(0)
    let readers = try (0..<8).map { _ in
      try Worker {
        do { _ = try repository.get(id(1)) } catch is RemoteError {
          failures.wrappingAdd(1, ordering: .relaxed)
        } catch {}
      }
    }
    for reader in readers { reader.join() }
    #expect(failures.load(ordering: .relaxed) == 8)
    #expect(attempts.load(ordering: .relaxed) == 2)
    repository.close()
  }

  @Test func `lines that break as soon as they are used are made ever more rarely`() throws {
    let local = try sandbox.create()
    try local.put(id(1), [1, 2, 3])
    try local.commit(CommitOptions())
    local.close()
    let lines = Lines()
    var options = ReconnectingRepository.Options()
    options.patienceSeconds = 2
    let repository = try ReconnectingRepository(options, monitor: sandbox.monitor) { _ in
      let line = lines.append(try connect(lock: .none))
      try lines[lines.count - 1].served.requests.writer.close()
      return line
    }
    #expect(throws: RemoteError.self) { try repository.get(id(1)) }
    // At once, and after pauses of 0.1, 0.2, 0.4 and 0.8 seconds.
    #expect((3...6).contains(lines.count))
    repository.close()
  }

  @Test func `opening and what is read first are one round trip`() throws {
    let local = try sandbox.create()
    try local.put(.manifest, [1, 2, 3])
    try local.saveKey(Array("a2V5".utf8))
    try local.commit(CommitOptions())
    local.close()
    let repository = try connect(expecting: [.manifest, .key, .freeNonce]).repository
    #expect(try repository.get(.manifest) == [1, 2, 3])
    #expect(try repository.loadKey() == Array("a2V5".utf8))
    #expect(try repository.freeNonce() == nil)
    #expect(repository.roundTripCount == 1)
    #expect(try repository.loadKey() == Array("a2V5".utf8))
    #expect(repository.roundTripCount == 2)
    repository.close()
  }

  @Test func `a line that is lost ends in seconds, whatever is at its other end`() throws {
    var options = RemoteOptions()
    // Deaf to all that can be said, and its messages have no end.
    options.rsh = "sh -c 'trap \"\" TERM HUP; exec 1>&-; while :; do sleep 1; done' sh"
    let location = Location(host: .ssh(user: nil, host: "test", port: nil), path: sandbox.path("repo"))
    let start = Clock.system.monotonic()
    #expect(throws: RemoteError.connectionClosedWithHint) {
      try RemoteRepository.open(
        location, lock: LockOptions(mode: .shared), remote: options, environment: sandbox.environment,
        monitor: sandbox.monitor)
    }
    // Half of what a server may take that is still there.
    #expect(Clock.system.monotonic() - start < 25_000_000_000)
  }

  @Test func `a list that goes round in circles is left`() throws {
    let (requests, replies) = (try Pipe(), try Pipe())
    func reply(_ number: Int64, _ result: MessagePackValue) -> [UInt8] {
      MessagePackValue.map([
        .init(key: .raw([0x69]), value: .int(number)), .init(key: .raw([0x72]), value: result),
      ]).encoded()
    }
    let page = MessagePackValue.array((0..<100_000).map { .raw(id(UInt8(truncatingIfNeeded: $0)).bytes) })
    let greeting = MessagePackValue.map([
      .init(key: .raw(Array("server_version".utf8)), value: .array([.int(1), .int(4), .int(5), .int(-1)]))
    ])
    let script = [reply(1, greeting), reply(2, .raw(id(9).bytes)), reply(3, page), reply(4, page)]
    let server = try Worker {
      var decoder = RequestDecoder()
      var answered = 0
      _ = Channel.read(requests.reader) { decoder.append($0) }
      while answered < script.count {
        if (try? decoder.next()) != nil {
          try? replies.writer.write(script[answered])
          answered += 1
        } else if !Channel.read(requests.reader, { decoder.append($0) }) {
          return
        }
      }
    }
    let location = Location(host: .ssh(user: nil, host: "test", port: nil), path: sandbox.path("repo"))
    let repository = try RemoteRepository(
      location, RemoteRepository.OpenOptions(lock: LockOptions(mode: .shared)),
      Channel(requests: requests.writer, replies: replies.reader), monitor: sandbox.monitor)
    #expect(throws: RemoteError.repeatedList("list")) { try repository.list(after: nil, limit: .max) }
    server.join()
    repository.close()
  }

  @Test func `an object that is asked for again meanwhile is there for all who wait`() {
    var window = ReadAheadWindow()
    func waits(_ taken: ReadAheadWindow.Taken, for number: Int64) -> Bool {
      if case .wait(number) = taken { true } else { false }
    }
    func ask(as message: Int64) -> ReadAheadWindow.Taken {
      window.announce([id(1)])
      if let (next, size) = window.next() { window.sent(next, size: size, as: message) }
      return window.take(id(1))
    }
    #expect(waits(ask(as: 1), for: 1))
    window.forget(id(1))
    #expect(waits(ask(as: 2), for: 2))
    let isLateOneOfUse = window.receive(.success([0]), of: id(1), message: 1)
    let isOfUse = window.receive(.success([1]), of: id(1), message: 2)
    #expect(!isLateOneOfUse && isOfUse)
    for message: Int64 in [1, 2] {
      guard case .reply(.success([1]), _) = window.take(id(1), waitingFor: message) else {
        Issue.record("nothing for who waits for \(message)")
        continue
      }
    }
    #expect(window.isEmpty && window.bytesHeld == 0)
  }

  @Test func `a server's thread that reads ends with it, though its client says nothing`() throws {
    let input = try Pipe()
    let reader = try RequestReader(input.reader)
    reader.stop()
    #expect(try reader.next().isEmpty)
  }

  @Test func `a line that nobody uses is let go of, and what others wrote meanwhile is seen over the next`() throws {
    let local = try sandbox.create()
    try local.put(id(1), [1, 2, 3])
    try local.commit(CommitOptions())
    local.close()
    let lines = Lines()
    var options = ReconnectingRepository.Options()
    options.idleSeconds = 0
    let repository = try reconnecting(lines, options)
    #expect(try repository.get(id(1)) == [1, 2, 3])
    #expect(throws: RepositoryError.self) { try sandbox.open() }
    repository.releaseFiles()
    #expect(try lines[0].served.finish())
    let writer = try sandbox.open()
    try writer.put(id(2), [4])
    try writer.delete(id(1))
    try writer.commit(CommitOptions())
    writer.close()
    #expect(try repository.refresh())
    #expect(try repository.get(id(2)) == [4])
    #expect(throws: RepositoryError.objectNotFound(id: id(1), path: repository.location.repositoryText)) {
      try repository.get(id(1))
    }
    #expect(lines.count == 2)
    repository.close()
  }

  @Test func `what was announced without a line comes with the next one`() throws {
    let local = try sandbox.create()
    for number in 1...50 { try local.put(id(UInt8(number)), object(100)) }
    try local.commit(CommitOptions())
    local.close()
    let lines = Lines()
    var options = ReconnectingRepository.Options()
    options.idleSeconds = 0
    let repository = try reconnecting(lines, options)
    repository.releaseFiles()
    #expect(try lines[0].served.finish())
    repository.prefetch((1...50).map { id(UInt8($0)) })
    for number in 1...50 { #expect(try repository.get(id(UInt8(number))) == object(100)) }
    #expect(lines[1].repository.roundTripCount <= 3)
    repository.close()
  }

  @Test func `who reads beside writers has no lock, and the newest manifest`() throws {
    let local = try sandbox.create()
    try local.put(.manifest, [1])
    try local.commit(CommitOptions())
    local.close()
    let repository = try connect(lock: .shared, besideWriters: true).repository
    #expect(try repository.get(.manifest) == [1])
    let writer = try sandbox.open()
    try writer.put(.manifest, [2])
    try writer.put(id(1), [3])
    try writer.commit(CommitOptions())
    writer.close()
    #expect(try repository.get(.manifest) == [2])
    #expect(try repository.get(id(1)) == [3])
    #expect(throws: (any Error).self) {
      try repository.put(id(1), [4])
      try repository.commit(CommitOptions())
    }
    repository.close()
  }
}
