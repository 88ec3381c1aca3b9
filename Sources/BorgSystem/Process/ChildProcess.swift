import CLinux
import Glibc
import Synchronization

/// A child process with chosen descriptors. Its environment lacks BORG_PASSPHRASE and has BORG_VERSION; SIGINT is
/// ignored in it, so that Ctrl-C reaches us alone. All other descriptors of ours are close-on-exec.
public final class ChildProcess: Sendable {
  public let pid: pid_t
  private let reaped = Mutex<Int32?>(nil)

  /// The same for text.
  public convenience init(
    _ arguments: [String], environment: Environment, standardInput: Int32? = nil, standardOutput: Int32? = nil,
    standardError: Int32? = nil
  ) throws {
    try self.init(
      words: arguments.map { Array($0.utf8) }, environment: environment, standardInput: standardInput,
      standardOutput: standardOutput, standardError: standardError)
  }

  /// Starts `words[0]`, searched in PATH. A nil descriptor is inherited. With `receivesInterrupt` Ctrl-C reaches the
  /// child as usual. Throws `SystemError`, also for a word with a NUL in it.
  public init(
    words arguments: [[UInt8]], environment: Environment, standardInput: Int32? = nil, standardOutput: Int32? = nil,
    standardError: Int32? = nil, receivesInterrupt: Bool = false
  ) throws {
    guard !arguments.contains(where: { $0.contains(0) }) else { throw SystemError(code: EINVAL) }
    guard let program = arguments.first else { throw SystemError(code: ENOENT) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (ours, theirs) in [(standardInput, 0), (standardOutput, 1), (standardError, 2)] as [(Int32?, Int32)] {
      if let ours { posix_spawn_file_actions_adddup2(&actions, ours, theirs) }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var mask = sigset_t()
    sigemptyset(&mask)
    posix_spawnattr_setsigmask(&attributes, &mask)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var pid = pid_t()
    func spawn() -> Int32 {
      withCStrings(arguments) { argv in
        withCStrings(ChildProcess.variables(environment)) { envp in
          argv.pointee.map { posix_spawnp(&pid, $0, &actions, &attributes, argv, envp) } ?? ENOENT
        }
      }
    }
    let code = receivesInterrupt ? spawn() : ChildProcess.ignoringInterrupt(spawn)
    guard code == 0 else { throw SystemError(code: code, path: program) }
    self.pid = pid
  }

  /// Whether `wait` has seen its end: its number may belong to another process then.
  public var isReaped: Bool { reaped.withLock { $0 != nil } }

  /// The exit status, or -signal as Python gives it.
  public func wait() throws -> Int32 {
    try reaped.withLock { reaped in
      if let status = reaped { return status }
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0 {
        if errno != EINTR { throw SystemError.last() }
      }
      let result = ChildProcess.result(status)
      reaped = result
      return result
    }
  }

  /// The same; nil when it has not ended after so long. Looks now and then.
  public func wait(milliseconds: Int) throws -> Int32? {
    for _ in 0...max(0, milliseconds / 5) {
      if let status = try poll() { return status }
      usleep(5000)
    }
    return nil
  }

  private func poll() throws -> Int32? {
    try reaped.withLock { reaped in
      if let status = reaped { return status }
      var status: Int32 = 0
      let pid = waitpid(pid, &status, WNOHANG)
      if pid < 0, errno != EINTR { throw SystemError.last() }
      guard pid > 0 else { return nil }
      reaped = ChildProcess.result(status)
      return reaped
    }
  }

  private static func result(_ status: Int32) -> Int32 {
    let signal = clinux_term_signal(status)
    return signal != 0 ? -signal : clinux_exit_status(status)
  }

  /// Runs to the end and returns what it printed on standard output.
  public static func output(_ arguments: [String], environment: Environment) throws -> (
    status: Int32, output: [UInt8]
  ) {
    let pipe = try Pipe()
    let child = try ChildProcess(arguments, environment: environment, standardOutput: pipe.writer.descriptor)
    try pipe.writer.close()
    let output = try pipe.reader.readAll()
    return (try child.wait(), output)
  }

  private static func variables(_ environment: Environment) -> [[UInt8]] {
    var variables = environment.variables
    variables["BORG_PASSPHRASE"] = nil
    variables["BORG_VERSION"] = "1.4.5"
    return variables.sorted { $0.key < $1.key }.map { Array("\($0.key)=\($0.value)".utf8) }
  }

  /// An ignored signal stays ignored across exec; a handler would not.
  private static func ignoringInterrupt<R>(_ body: () -> R) -> R {
    var ignore = sigaction()
    var previous = sigaction()
    ignore.__sigaction_handler.sa_handler = SIG_IGN
    sigaction(SIGINT, &ignore, &previous)
    defer { sigaction(SIGINT, &previous, nil) }
    return body()
  }
}

/// The two ends of a pipe, both close-on-exec.
public struct Pipe: Sendable {
  public let reader: File
  public let writer: File

  public init() throws {
    var ends: [Int32] = [-1, -1]
    guard CLinux.pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError.last() }
    reader = File(descriptor: ends[0], path: Array("<pipe>".utf8))
    writer = File(descriptor: ends[1], path: Array("<pipe>".utf8))
  }
}

/// Calls `body` with a NULL-terminated array of C strings.
private func withCStrings<R>(
  _ strings: [[UInt8]], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { string in
    (string + [0]).withUnsafeBufferPointer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { $0.baseAddress.flatMap { strdup($0) } }
    }
  }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeMutableBufferPointer { buffer in
    guard let start = buffer.baseAddress else { preconditionFailure("never empty") }
    return body(start)
  }
}
