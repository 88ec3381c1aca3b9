import BorgSystem
import Synchronization

/// A monitor that remembers what it heard and answers questions from a list.
public final class RecordingMonitor: Monitor {
  private struct State {
    var records: [LogRecord] = []
    var statuses: [(Character, [UInt8])] = []
    var questions: [Question] = []
    var answers: [Bool] = []
  }

  private let state: Mutex<State>

  public init(answers: [Bool] = []) {
    state = Mutex(State(answers: answers))
  }

  public var records: [LogRecord] { state.withLock { $0.records } }
  public var messages: [String] { records.map(\.message) }
  public var statuses: [(Character, [UInt8])] { state.withLock { $0.statuses } }
  public var questions: [Question] { state.withLock { $0.questions } }
  public var wantsProgress: Bool { false }
  public var wantsFileStatus: Bool { true }

  public func log(_ record: LogRecord) { state.withLock { $0.records.append(record) } }
  public func fileStatus(_ status: Character, path: [UInt8]) { state.withLock { $0.statuses.append((status, path)) } }
  public func progress(_ progress: ArchiveProgress?) {}
  public func progress(_ progress: OperationProgress) {}

  public func ask(_ question: Question) -> Bool {
    state.withLock { state in
      state.questions.append(question)
      return state.answers.isEmpty ? false : state.answers.removeFirst()
    }
  }
}
