import BorgFormat
import BorgTesting
import Testing

@testable import BorgRepository

/// Frames are written here byte by byte, as captured from Borg's own client (remote.md section 15).
@Suite struct RequestDecoderTests {
  private static let id = ChunkID(words: (1, 2, 3, 4))

  private static func named(_ message: Int64, _ method: String, _ arguments: [(String, MessagePackValue)]) -> [UInt8] {
    MessagePackValue.map([
      .init(key: .raw(Array("i".utf8)), value: .int(message)),
      .init(key: .raw(Array("m".utf8)), value: .raw(Array(method.utf8))),
      .init(
        key: .raw(Array("a".utf8)),
        value: .map(arguments.map { .init(key: .raw(Array($0.0.utf8)), value: $0.1) })),
    ]).encoded()
  }

  private func decode(_ bytes: [UInt8]) throws -> [ReceivedRequest] {
    var decoder = RequestDecoder()
    decoder.append(bytes)
    var requests: [ReceivedRequest] = []
    while let request = try decoder.next() { requests.append(request) }
    return requests
  }

  private func request(_ method: String, _ arguments: [(String, MessagePackValue)]) throws -> RepositoryRequest {
    try #require(try decode(Self.named(7, method, arguments)).first).content.get()
  }

  @Test func `the first request is in the old form`() throws {
    let bytes =
      [0x94, 0x01, 0x01, 0xa9] + Array("negotiate".utf8) + [0x91, 0x81, 0xae] + Array("client_version".utf8)
      + [0x94, 0x01, 0x04, 0x05, 0xff]
    #expect(bytes.count == 35)
    let received = try #require(try decode(bytes).first)
    #expect(received.addressee == .init(message: .int(1), isPositional: true))
    #expect(try received.content.get() == .negotiate(.map))
  }

  @Test func `open is understood with all its arguments`() throws {
    let text = [UInt8]("/srv/r".utf8)
    let bytes: [UInt8] =
      [0x83, 0xa1, 0x69, 0x02, 0xa1, 0x6d, 0xa4] + Array("open".utf8) + [0xa1, 0x61, 0x87, 0xa4] + Array("path".utf8)
      + [0xa6] + text + [0xa6] + Array("create".utf8) + [0xc2, 0xa9] + Array("lock_wait".utf8) + [0x01, 0xa4]
      + Array("lock".utf8) + [0xc3, 0xa9] + Array("exclusive".utf8) + [0xc3, 0xab] + Array("append_only".utf8)
      + [0xc2, 0xb0] + Array("make_parent_dirs".utf8) + [0xc2]
    var opening = RepositoryRequest.Opening()
    opening.path = text
    opening.lockWaitSeconds = 1
    opening.exclusive = true
    #expect(try decode(bytes).first?.content.get() == .open(opening))
  }

  @Test func `every request of a real client is understood`() throws {
    let frames = try Fixtures.frames("requests")
    #expect(frames.count > 10)
    for frame in frames {
      let received = try #require(try decode(frame).first)
      #expect(throws: Never.self) { try received.content.get() }
    }
  }

  @Test func `frames come in any pieces`() throws {
    var bytes: [UInt8] = []
    for message in 1...20 {
      bytes += Self.named(
        Int64(message), "put",
        [("id", .raw(Self.id.bytes)), ("data", .raw([UInt8](repeating: 9, count: message * 40)))])
    }
    for size in [1, 2, 7, 64, 1000] {
      var decoder = RequestDecoder()
      var numbers: [MessagePackValue] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        decoder.append(bytes[start..<min(bytes.count, start + size)])
        while let request = try decoder.next() { numbers.append(request.addressee.message) }
      }
      #expect(numbers == (1...20).map { .int(Int64($0)) })
      #expect(decoder.pendingByteCount == 0)
    }
  }

  @Test func `unknown arguments are ignored and missing ones have their defaults`() throws {
    #expect(try request("check", [("future", .array([.int(1)]))]) == .check(repair: false, maximumSeconds: 0))
    #expect(try request("commit", []) == .commit(compacts: true, threshold: 0.1, cleanupCommits: false))
    #expect(try request("list", [("marker", .null)]) == .list(limit: nil, marker: nil))
    #expect(throws: ServingError.self) { try request("get", []) }
  }

  @Test func `wrong arguments are refused, and the connection goes on`() throws {
    let wrong: [(String, [(String, MessagePackValue)])] = [
      ("get", [("id", .raw([1, 2, 3]))]), ("get", [("id", .int(4))]), ("put", [("id", .raw(Self.id.bytes))]),
      ("list", [("limit", .int(-1))]), ("commit", [("threshold", .float(.nan))]),
      ("commit", [("threshold", .array([]))]), ("open", [("path", .null)]), ("check", [("repair", .raw([]))]),
      ("commit_nonce_reservation", [("next_unreserved", .int(-1))]), ("__init__", []), ("close", []),
    ]
    var bytes: [UInt8] = []
    for (method, arguments) in wrong { bytes += Self.named(1, method, arguments) }
    let requests = try decode(bytes + Self.named(2, "rollback", []))
    #expect(requests.count == wrong.count + 1)
    for request in requests.dropLast() { #expect(throws: ServingError.self) { try request.content.get() } }
    #expect(try requests.last?.content.get() == .rollback)
  }

  @Test(
    arguments: [
      [0x01], [0xc0], [0xa1, 0x41], [0xc1], [0xc7, 0x00, 0x00], [0x80], [0x93, 1, 2, 3], [0x94, 1, 1, 1, 0x90],
      [0x81, 0xa1, 0x69, 0x01], Array("Welcome to the machine".utf8),
      // Longer than may be: bytes, elements, pairs.
      [0xdb, 0xff, 0xff, 0xff, 0xff], [0xdd, 0xff, 0xff, 0xff, 0xff], [0xdf, 0x7f, 0xff, 0xff, 0xff],
    ] as [[UInt8]])
  func `what is no request ends the connection`(_ bytes: [UInt8]) {
    #expect(throws: ServingError.unexpectedData) { try decode(bytes) }
  }

  @Test func `deep nesting in an ignored argument costs nothing`() throws {
    var deep = Self.named(1, "rollback", [("x", .null)])
    #expect(deep.popLast() == 0xc0)
    deep += [UInt8](repeating: 0x91, count: 1_000_000) + [0xc0]
    #expect(try decode(deep).first?.content.get() == .rollback)
  }

  @Test func `errors have Borg's names and numbers of arguments`() {
    let errors: [(any Error, String, Int)] = [
      (RepositoryError.doesNotExist(path: "p"), "DoesNotExist", 1),
      (RepositoryError.objectNotFound(id: Self.id, path: "p"), "ObjectNotFound", 2),
      (RepositoryError.invalidConfig(path: "p", detail: "d"), "InvalidRepositoryConfig", 2),
      (RepositoryError.lockTimeout(path: "p"), "LockTimeout", 1),
      (RepositoryError.lockFailed(path: "p", reason: "r"), "LockFailed", 2),
      (RepositoryError.storageQuotaExceeded(quota: "q", used: "u"), "StorageQuotaExceeded", 2),
      (IntegrityError("x"), "IntegrityError", 1), (ServingError.pathNotAllowed("p"), "PathNotAllowed", 1),
      (ServingError.unknownMethod("m"), "InvalidRPCMethod", 1),
      (RepositoryError.exclusiveLockMissing, "AssertionError", 1),
    ]
    for (error, name, count) in errors {
      let report = ErrorReport(error)
      #expect(report.className == name)
      #expect(report.arguments.count == count)
    }
  }
}
