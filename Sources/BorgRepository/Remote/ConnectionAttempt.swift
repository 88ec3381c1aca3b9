import Synchronization

/// An attempt to reach a server that somebody else may end, however long the server's silence lasts.
final class ConnectionAttempt: Sendable {
  private struct State {
    var connection: Connection?
    var isGivenUp = false
  }

  private let state = Mutex(State())

  var isGivenUp: Bool { state.withLock { $0.isGivenUp } }

  /// The line stands; what is missing is the server's word.
  func begin(_ connection: Connection) {
    let isGivenUp = state.withLock { state in
      state.connection = connection
      return state.isGivenUp
    }
    if isGivenUp { connection.fail(RemoteError.connectionClosed) }
  }

  /// Whoever waits for the server is told that the line is closed.
  func giveUp() {
    let connection = state.withLock { state in
      state.isGivenUp = true
      return state.connection
    }
    connection?.fail(RemoteError.connectionClosed)
  }
}
