import BorgFormat

/// The wire contract as a server sees it: what a client may ask for, one case per call (remote.md section 7).
public enum RepositoryRequest: Equatable, Sendable {
  case negotiate(Greeting)
  case open(Opening)
  case check(repair: Bool, maximumSeconds: Int)
  case commit(compacts: Bool, threshold: Double, cleanupCommits: Bool)
  case rollback
  case destroy
  case count
  /// A nil limit: all.
  case list(limit: Int?, marker: ChunkID?)
  case scan(limit: Int?, marker: ChunkID?)
  case get(ChunkID)
  case put(ChunkID, [UInt8])
  case delete(ChunkID)
  case saveKey([UInt8])
  case loadKey
  case freeNonce
  case commitNonceReservation(next: UInt64, start: UInt64?)
  case breakLock
  case injectException(String)

  /// How a client introduces itself.
  public enum Greeting: Equatable, Sendable {
    /// Borg 1.0: the number of its protocol.
    case protocolTwo
    /// Since 1.1: a map. Log messages may be JSON from now on.
    case map
    case other
  }

  public struct Opening: Equatable, Sendable {
    public var path: [UInt8] = []
    public var creates = false
    /// Nil: for ever.
    public var lockWaitSeconds: Int?
    public var locks = true
    /// Nil (very old clients): shared, and exclusive from the first write on.
    public var exclusive: Bool?
    public var appendOnly = false
    public var makesParentDirectories = false
    /// Read without a lock beside whoever writes. Borg's server does not know it, and takes its lock.
    public var readsBesideWriters = false
  }

  /// The methods by Borg's names.
  enum Method: String, CaseIterable {
    case negotiate, open, check, commit, rollback, destroy, list, scan, get, put, delete
    case count = "__len__"
    case saveKey = "save_key"
    case loadKey = "load_key"
    case freeNonce = "get_free_nonce"
    case commitNonceReservation = "commit_nonce_reservation"
    case breakLock = "break_lock"
    case injectException = "inject_exception"
  }
}

extension RepositoryRequest.Method {
  /// The order of arguments without names, as Borg 1.0 sends them.
  var positions: [StaticString] {
    switch self {
    case .negotiate: ["client_data"]
    case .open: ["path", "create", "lock_wait", "lock", "exclusive", "append_only"]
    case .check: ["repair", "save_space"]
    case .commit: ["save_space"]
    case .list: ["limit", "marker"]
    case .put: ["id", "data"]
    case .get, .delete: ["id"]
    case .saveKey: ["keydata"]
    case .commitNonceReservation: ["next_unreserved", "start_nonce"]
    case .rollback, .destroy, .count, .scan, .loadKey, .freeNonce, .breakLock, .injectException: []
    }
  }

  /// Arguments without a place in the contract are ignored, for newer clients' sake. Throws `ServingError.badArgument`.
  func request(_ arguments: RequestArguments) throws -> RepositoryRequest {
    switch self {
    case .negotiate: .negotiate(try arguments.greeting("client_data"))
    case .open: .open(try opening(arguments))
    case .check:
      .check(
        repair: try arguments.bool("repair") ?? false, maximumSeconds: try arguments.int("max_duration") ?? 0)
    case .commit:
      .commit(
        compacts: try arguments.bool("compact") ?? true, threshold: try arguments.number("threshold") ?? 0.1,
        cleanupCommits: try arguments.bool("cleanup_commits") ?? false)
    case .rollback: .rollback
    case .destroy: .destroy
    case .count: .count
    case .list: .list(limit: try limit(arguments), marker: try arguments.optionalID("marker"))
    case .scan: .scan(limit: try limit(arguments), marker: try arguments.optionalID("marker"))
    case .get: .get(try arguments.id("id"))
    case .put: .put(try arguments.id("id"), try arguments.bytes("data"))
    case .delete: .delete(try arguments.id("id"))
    case .saveKey: .saveKey(try arguments.bytes("keydata"))
    case .loadKey: .loadKey
    case .freeNonce: .freeNonce
    case .commitNonceReservation:
      .commitNonceReservation(
        next: try arguments.nonce("next_unreserved").required("next_unreserved"),
        start: try arguments.nonce("start_nonce"))
    case .breakLock: .breakLock
    case .injectException: .injectException(String(decoding: try arguments.bytes("kind").prefix(100), as: UTF8.self))
    }
  }

  private func opening(_ arguments: RequestArguments) throws -> RepositoryRequest.Opening {
    var opening = RepositoryRequest.Opening()
    opening.path = try arguments.bytes("path")
    opening.creates = try arguments.bool("create") ?? false
    opening.lockWaitSeconds = try arguments.number("lock_wait").map { Int(max(-1, min($0, 1e9))) }
    opening.locks = try arguments.bool("lock") ?? true
    opening.exclusive = try arguments.bool("exclusive")
    opening.appendOnly = try arguments.bool("append_only") ?? false
    opening.makesParentDirectories = try arguments.bool("make_parent_dirs") ?? false
    opening.readsBesideWriters = try arguments.bool("read_beside_writers") ?? false
    return opening
  }

  private func limit(_ arguments: RequestArguments) throws -> Int? {
    let limit = try arguments.int("limit")
    if let limit, limit < 0 { throw ServingError.badArgument("limit is negative") }
    return limit
  }
}

extension Optional {
  fileprivate func required(_ name: StaticString) throws -> Wrapped {
    guard let self else { throw ServingError.badArgument("missing a required argument: '\(name)'") }
    return self
  }
}
