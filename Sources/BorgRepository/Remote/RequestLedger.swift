import BorgFormat

/// The requests of one line that are not answered yet, and how often everything has waited for the line. Only keeps
/// account; sends nothing.
struct RequestLedger {
  /// Who is given the reply of a message.
  enum Addressee {
    case caller(Connection.Call)
    case window(ChunkID)
    /// Nobody waits; an error is kept for whoever asks next.
    case nobody
  }

  struct Pending {
    let addressee: Addressee
    /// One round trip more than had been waited for when the request was sent.
    let roundTrip: Int
  }

  private var pending: [Int64: Pending] = [:]
  private(set) var lastMessage: Int64 = 0
  /// The longest chain of requests each of which was sent after the reply to the one before had been used. That is how
  /// often everything waits for the line, whatever its speed.
  private(set) var roundTrips = 0
  private var postedCount = 0
  private var lastPostedRoundTrip = 0
  private var postedFailure: (any Error)?

  var isEmpty: Bool { pending.isEmpty }
  /// Requests that nobody waits for are unanswered.
  var hasPosted: Bool { postedCount > 0 }

  /// Notes a request that is sent when so many round trips, nil: those so far, have been waited for; its number.
  mutating func note(_ addressee: Addressee, after roundTrips: Int? = nil) -> Int64 {
    lastMessage += 1
    let roundTrip = (roundTrips ?? self.roundTrips) + 1
    pending[lastMessage] = Pending(addressee: addressee, roundTrip: roundTrip)
    if case .nobody = addressee {
      postedCount += 1
      lastPostedRoundTrip = roundTrip
    }
    return lastMessage
  }

  /// Whose the reply is; nil: nobody has asked, or it came before.
  mutating func settle(_ message: Int64) -> Pending? { pending.removeValue(forKey: message) }

  /// A reply to what nobody waits for.
  mutating func settlePosted(_ error: (any Error)?) {
    postedCount -= 1
    postedFailure = postedFailure ?? error
  }

  /// A reply of this round trip was waited for.
  mutating func noteUse(of roundTrip: Int) { roundTrips = max(roundTrips, roundTrip) }

  /// All that was posted is answered, and was waited for.
  mutating func noteDrained() { noteUse(of: lastPostedRoundTrip) }

  /// Throws the first error among the replies that nobody waited for, once.
  mutating func throwPosted() throws {
    guard let error = postedFailure else { return }
    postedFailure = nil
    throw error
  }

  mutating func forgetPostedFailure() { postedFailure = nil }

  /// There will be no replies.
  mutating func abandonAll() { pending = [:] }
}
