/// Which lock a session wants, and for how long it may wait.
public struct LockOptions: Sendable {
  public enum Mode: Sendable { case none, shared, exclusive }

  public var mode: Mode
  /// Seconds; 0 is one try, `forever` as long as it takes.
  public var waitSeconds: Int

  public static let forever = Int.max

  public init(mode: Mode, waitSeconds: Int = 1) {
    self.mode = mode
    self.waitSeconds = waitSeconds
  }
}
