import BorgSystem
import CFuse
import Glibc
import Synchronization

/// What signals mean to a mount (fuse.md 8.3): in the foreground SIGINT unmounts; SIGTERM and SIGHUP end the process and
/// leave the mount point dead, lest a mirror job takes an empty directory for the truth; SIGUSR1 tells statistics.
final class MountSignals: Sendable {
  enum Ending: Int, Sendable { case unmounted, interrupted, terminated }

  /// Interrupts the thread that serves; means nothing by itself.
  static let wakeUp = SIGURG
  private let ending = Atomic<Int>(Ending.unmounted.rawValue)
  private let isOver = Atomic<Bool>(false)

  /// How serving came to its end.
  private(set) var howEnded: Ending {
    get { Ending(rawValue: ending.load(ordering: .sequentiallyConsistent)) ?? .unmounted }
    set { ending.store(newValue.rawValue, ordering: .sequentiallyConsistent) }
  }

  private static let period = timespec(tv_sec: 5, tv_nsec: 0)

  /// What a mount does beside answering the kernel.
  struct Duties: Sendable {
    var tellStatistics: @Sendable () -> Void
    /// Done every few seconds.
    var tidyUp: @Sendable () -> Void
  }

  /// Serves `session` on this thread and minds the signals meanwhile.
  static func serve(_ session: FuseSession, foreground: Bool, _ duties: Duties) throws -> Ending {
    let signals = MountSignals()
    var watched = sigset_t()
    sigemptyset(&watched)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] { sigaddset(&watched, signal) }
    pthread_sigmask(SIG_BLOCK, &watched, nil)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    sigaction(wakeUp, &action, nil)
    let watcher = try signals.watch(watched, session, pthread_self(), foreground, duties)
    session.serve()
    signals.isOver.store(true, ordering: .sequentiallyConsistent)
    kill(getpid(), SIGUSR1)
    watcher.join()
    return signals.howEnded
  }

  private func watch(
    _ watched: sigset_t, _ session: FuseSession, _ server: pthread_t, _ foreground: Bool,
    _ duties: Duties
  ) throws -> Worker {
    try Worker { [self] in
      while true {
        var watched = watched
        var period = MountSignals.period
        let signal = sigtimedwait(&watched, nil, &period)
        if isOver.load(ordering: .sequentiallyConsistent) { return }
        switch signal {
        case SIGUSR1: duties.tellStatistics()
        case ..<0: duties.tidyUp()
        case SIGINT where !foreground: break
        default:
          howEnded = signal == SIGINT ? .interrupted : .terminated
          session.end(servingIn: server)
        }
      }
    }
  }
}
