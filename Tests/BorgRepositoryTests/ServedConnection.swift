import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Synchronization

@testable import BorgRepository

/// A server on two pipes of this process, and a client that writes and reads plain msgpack.
final class ServedConnection: Sendable {
  let requests: Pipe
  let responses: Pipe
  private let worker: Worker
  private let ending: Ending
  private let number = Atomic<Int64>(1)

  init(_ sandbox: Sandbox, _ configure: (inout RepositoryServer.Options) -> Void = { _ in }) throws {
    var options = RepositoryServer.Options(version: [1, 4, 5, -1])
    configure(&options)
    let server = RepositoryServer(options, environment: sandbox.environment, monitor: sandbox.monitor)
    let (requests, responses) = (try Pipe(), try Pipe())
    (self.requests, self.responses) = (requests, responses)
    let ending = Ending()
    self.ending = ending
    worker = try Worker {
      let result = Result { try server.serve(requests: requests.reader, responses: responses.writer) }
      ending.result.withLock { $0 = result }
      try? responses.writer.close()
    }
  }

  private final class Ending: Sendable { let result = Mutex<Result<Bool, any Error>?>(nil) }

  static func frame(_ message: Int64, _ method: String, _ arguments: [(String, MessagePackValue)]) -> [UInt8] {
    func text(_ text: String) -> MessagePackValue { .raw(Array(text.utf8)) }
    return MessagePackValue.map([
      .init(key: text("i"), value: .int(message)), .init(key: text("m"), value: text(method)),
      .init(key: text("a"), value: .map(arguments.map { .init(key: text($0.0), value: $0.1) })),
    ]).encoded()
  }

  func send(_ bytes: [UInt8]) throws { try requests.writer.write(bytes) }

  /// Sends one request and reads its answer.
  func call(_ method: String, _ arguments: [(String, MessagePackValue)] = []) throws -> MessagePackValue {
    let message = number.wrappingAdd(1, ordering: .relaxed).newValue
    try send(ServedConnection.frame(message, method, arguments))
    return try answer()
  }

  /// The result of a call that must succeed.
  func result(_ method: String, _ arguments: [(String, MessagePackValue)] = []) throws -> MessagePackValue {
    let answer = try call(method, arguments)
    guard let result = answer["r"] else { throw FormatError("\(method): \(answer)") }
    return result
  }

  /// The class of the error that a call must end with.
  func refusal(_ method: String, _ arguments: [(String, MessagePackValue)] = []) throws -> String {
    guard let name = try call(method, arguments)["exception_class"]?.rawValue else {
      throw FormatError("\(method) was not refused")
    }
    return String(decoding: name, as: UTF8.self)
  }

  func open(
    _ sandbox: Sandbox, _ name: String = "repo", _ extra: [(String, MessagePackValue)] = [("exclusive", .bool(true))]
  ) throws {
    _ = try result("open", [("path", .raw(sandbox.path(name)))] + extra)
  }

  /// Reads the next answer, byte by byte: tests need no speed.
  func answer() throws -> MessagePackValue {
    var bytes: [UInt8] = []
    while true {
      let byte = try [UInt8](unsafeUninitializedCapacity: 1) { buffer, count in
        count = try responses.reader.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
      guard !byte.isEmpty else { throw FormatError("the server has closed the connection") }
      bytes += byte
      if let value = try? MessagePackValue(decoding: bytes) { return value }
    }
  }

  /// Hangs up and waits for the server's end.
  func finish() throws -> Bool {
    try? requests.writer.close()
    worker.join()
    return try ending.result.withLock { $0 }?.get() ?? false
  }
}
