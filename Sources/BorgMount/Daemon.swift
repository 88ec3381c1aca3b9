import BorgSystem
import CLinux
import Glibc

/// Sends the process to the background (fuse.md 8.1). Call it while there is one thread: only that one survives a fork.
public enum Daemon {
  /// Which process one finds oneself to be.
  public enum Role: Sendable, Equatable {
    /// The one that was called; the other gave its go-ahead.
    case caller
    /// The one in the background.
    case background
  }

  private static let goAhead: UInt8 = 1
  private static let patienceMilliseconds: Int32 = 5000

  /// Forks twice. The background process runs `prepare`, given the caller's pid, while the caller still waits; then the
  /// caller returns. Throws `MountError.backgroundUnresponsive` in the caller when the go-ahead does not come.
  public static func detach(prepare: (_ callerPID: Int32) throws -> Void) throws -> Role {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw SystemError.last() }
    let caller = getpid()
    fflush(nil)
    let child = clinux_fork()
    guard child >= 0 else { throw SystemError.last() }
    if child > 0 {
      close(ends[1])
      defer { close(ends[0]) }
      try waitForGoAhead(ends[0], child)
      return .caller
    }
    close(ends[0])
    setsid()
    if clinux_fork() != 0 { _exit(0) }
    try becomeBackground(ends[1]) { try prepare(caller) }
    return .background
  }

  private static func waitForGoAhead(_ descriptor: Int32, _ child: pid_t) throws {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    var byte: UInt8 = 0
    guard Glibc.poll(&poll, 1, patienceMilliseconds) == 1, read(descriptor, &byte, 1) == 1, byte == goAhead else {
      throw MountError.backgroundUnresponsive
    }
  }

  private static func becomeBackground(_ descriptor: Int32, _ prepare: () throws -> Void) throws {
    chdir("/")
    let null = open("/dev/null", O_RDWR)
    dup2(null, STDIN_FILENO)
    dup2(null, STDOUT_FILENO)
    defer { close(descriptor) }
    try prepare()
    var byte = goAhead
    _ = write(descriptor, &byte, 1)
    dup2(null, STDERR_FILENO)
    if null > STDERR_FILENO { close(null) }
  }
}
