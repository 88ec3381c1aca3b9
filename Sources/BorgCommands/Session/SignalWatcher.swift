import BorgSystem
import BorgTransfer
import Glibc
import Synchronization

/// Receives the process's signals on a thread of its own and passes them on (cli.md section 3): to the command's
/// `Interruption`, and to the end of the process where the command does not end in time.
final class SignalWatcher: Sendable {
  /// How a signal ended the run.
  struct Ending: Sendable {
    let signal: Int32

    var exitCode: ExitCode { .signal(signal) }

    var record: LogRecord {
      switch signal {
      case SIGTERM: LogRecord(.error, logger: "borg.archiver", "Received SIGTERM", messageID: "Signal.SIGTERM")
      case SIGHUP: LogRecord(.error, logger: "borg.archiver", "Received SIGHUP.", messageID: "Signal.SIGHUP")
      default: LogRecord(.error, logger: "borg.archiver", "Keyboard interrupt")
      }
    }
  }

  private static let watched = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]
  /// A second SIGINT within this time is the first one's echo. Nanoseconds.
  private static let echo: Int64 = 20_000_000
  /// How long a command may take to stop by itself, in milliseconds.
  private static let patience = 10_000

  private let interruption: Interruption
  private let stopsItself: Bool
  private let ignoresInterrupt: Bool
  private let end: @Sendable (Ending) -> Never
  /// How the terminal was before a passphrase may have switched its echo off.
  private let terminal: termios?
  private let firstInterrupt = Atomic<Int64>(0)
  private let endingSignal = Atomic<Int32>(0)
  private let isFinished = Atomic<Bool>(false)

  /// Blocks the signals in the calling thread, which must be the first one, and starts the watching thread. `end` is
  /// called on that thread when the process must end without the command's help.
  init(
    interruption: Interruption, stopsItself: Bool, ignoresInterrupt: Bool = false, clock: Clock,
    end: @escaping @Sendable (Ending) -> Never
  ) throws {
    self.interruption = interruption
    self.stopsItself = stopsItself
    self.ignoresInterrupt = ignoresInterrupt
    self.end = end
    var attributes = termios()
    terminal = tcgetattr(STDIN_FILENO, &attributes) == 0 ? attributes : nil
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in SignalWatcher.watched { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let set = signals
    _ = try Worker { [self] in
      var set = set
      while true {
        var signal: Int32 = 0
        if sigwait(&set, &signal) == 0 { receive(signal, at: clock.monotonic()) }
      }
    }
  }

  /// The signal that asked the run to end, if there was one.
  var ending: Ending? {
    let signal = endingSignal.load(ordering: .acquiring)
    return signal == 0 ? nil : Ending(signal: signal)
  }

  /// The command has ended by itself. When the watcher is ending the process already, this does not return.
  func finish() {
    if isFinished.exchange(true, ordering: .acquiringAndReleasing) {
      while true { pause() }
    }
  }

  private func receive(_ signal: Int32, at time: Int64) {
    switch signal {
    case SIGINT: interrupt(at: time)
    case SIGTERM, SIGHUP: abort(signal)
    case SIGUSR1: interruption.requestProgress()
    default: break
    }
  }

  private func interrupt(at time: Int64) {
    let first = firstInterrupt.load(ordering: .relaxed)
    guard first == 0 else {
      if time - first > SignalWatcher.echo { abort(SIGINT) }
      return
    }
    firstInterrupt.store(max(1, time), ordering: .relaxed)
    if ignoresInterrupt { return }
    if stopsItself { interruption.requestStop() } else { abort(SIGINT) }
  }

  private func abort(_ signal: Int32) {
    guard endingSignal.compareExchange(expected: 0, desired: signal, ordering: .acquiringAndReleasing).exchanged else {
      return
    }
    interruption.requestAbort()
    if stopsItself {
      for _ in 0..<SignalWatcher.patience {
        if isFinished.load(ordering: .acquiring) { return }
        usleep(1000)
      }
    }
    guard !isFinished.exchange(true, ordering: .acquiringAndReleasing) else { return }
    if var terminal { tcsetattr(STDIN_FILENO, TCSANOW, &terminal) }
    end(Ending(signal: signal))
  }
}

/// Makes writing to a closed pipe an error instead of the process's end. Blocked, not ignored: children start with
/// the usual behaviour.
func blockBrokenPipeSignal() {
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGPIPE)
  pthread_sigmask(SIG_BLOCK, &signals, nil)
}
