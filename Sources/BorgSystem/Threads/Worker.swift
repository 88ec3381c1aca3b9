import Glibc
import Synchronization

/// A thread of the operating system that runs one closure and can be waited for. All signals are blocked in it, so
/// that the main thread alone receives them.
public final class Worker: Sendable {
  private let thread: pthread_t

  /// Starts `body` at once. Throws `SystemError` when no thread can be had.
  public init(stackSize: Int = 1 << 20, _ body: @escaping @Sendable () -> Void) throws {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)
    var blocked = sigset_t()
    var previous = sigset_t()
    sigfillset(&blocked)
    pthread_sigmask(SIG_SETMASK, &blocked, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      throw SystemError(code: code)
    }
    self.thread = thread
  }

  /// Waits for the closure's end. Call exactly once.
  public func join() {
    pthread_join(thread, nil)
  }

  /// Runs `body` in a thread of its own and waits for its end, but no longer than told. False: it goes on, or there is no
  /// thread to be had.
  public static func perform(
    withinMilliseconds milliseconds: Int, _ body: @escaping @Sendable () -> Void
  ) -> Bool {
    let end = End()
    let worker = try? Worker {
      body()
      end.hasCome.store(true, ordering: .releasing)
    }
    guard worker != nil else { return false }
    for _ in 0..<milliseconds {
      if end.hasCome.load(ordering: .acquiring) { return true }
      usleep(1000)
    }
    return end.hasCome.load(ordering: .acquiring)
  }

  private final class End: Sendable { let hasCome = Atomic<Bool>(false) }

  private final class Box: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
      self.body = body
    }
  }
}

/// How many threads of work the machine serves at once: its online processors, at least one.
public func availableProcessorCount() -> Int {
  max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
}
