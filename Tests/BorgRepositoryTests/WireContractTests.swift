import BorgFormat
import BorgSystem
import BorgTesting
import Testing

@testable import BorgRepository

/// What our client writes is what our server reads, and what our server reports is what our client throws.
struct WireContractTests {
  private static let id = ChunkID(words: (1, 2, 3, 4))

  private static var opening: RepositoryRequest.Opening {
    var opening = RepositoryRequest.Opening()
    opening.path = Array("/~/repo".utf8)
    opening.creates = true
    opening.lockWaitSeconds = 7
    opening.exclusive = true
    opening.appendOnly = true
    opening.makesParentDirectories = true
    return opening
  }

  private static let requests: [RepositoryRequest] = [
    .negotiate(.map), .open(opening), .open(RepositoryRequest.Opening()), .check(repair: true, maximumSeconds: 60),
    .commit(compacts: false, threshold: 0.25, cleanupCommits: true), .rollback, .destroy, .count,
    .list(limit: 100_000, marker: id), .scan(limit: nil, marker: nil), .get(id), .put(id, [0, 1, 2]), .delete(id),
    .saveKey([0x61, 0x0a]), .loadKey, .freeNonce, .commitNonceReservation(next: 7, start: nil),
    .commitNonceReservation(next: 1 << 63, start: 5), .breakLock, .injectException("divide"),
  ]

  @Test func `the server reads every request as the client means it`() throws {
    for (number, request) in Self.requests.enumerated() {
      var decoder = RequestDecoder()
      decoder.append(request.encoded(Int64(number)))
      let received = try #require(try decoder.next())
      #expect(try received.content.get() == request)
      #expect(received.addressee.message == .int(Int64(number)))
      #expect(received.addressee.isPositional == (request.method == .negotiate))
      #expect(decoder.pendingByteCount == 0)
    }
  }

  @Test func `requests have Borg's bytes`() throws {
    let id = [UInt8](repeating: 7, count: 32)
    let get = "83a16903a16da3676574a16181a26964da0020" + Hex.encode(id)
    #expect(Hex.encode(RepositoryRequest.get(try #require(ChunkID(id))).encoded(3)) == get)
    let commit = RepositoryRequest.commit(compacts: false, threshold: 0.1, cleanupCommits: false).encoded(11)
    #expect(commit.count == 73)
    #expect(Hex.encode(commit[47...]) == "cb3fb999999999999aaf636c65616e75705f636f6d6d697473c2")
    #expect(Hex.encode(RepositoryRequest.negotiate(.map).encoded(1).prefix(4)) == "940101a9")
  }

  @Test func `errors of the repository arrive as they were thrown`() throws {
    let errors: [RepositoryError] = [
      .alreadyExists(path: "here"), .atticRepository(path: "there"), .checkNeeded(path: "here"),
      .doesNotExist(path: "here"), .insufficientFreeSpace(required: "5 GB", available: "1 GB"),
      .invalidRepository(path: "here"), .invalidConfig(path: "here", detail: "no version"),
      .objectNotFound(id: Self.id, path: "here"), .parentPathDoesNotExist(path: "there"),
      .pathAlreadyExists(path: "there"), .storageQuotaExceeded(quota: "1 GB", used: "2 GB"),
      .pathPermissionDenied(path: "there"), .lockFailed(path: "there", reason: "no space"),
      .lockTimeout(path: "there"), .notLocked(path: "there"), .notMyLock(path: "there"), .refused("no"),
    ]
    for error in errors { #expect(try travelled(error) as? RepositoryError == error) }
    #expect(try (travelled(IntegrityError("bad")) as? IntegrityError)?.detail == "bad")
    #expect(try travelled(ServingError.pathNotAllowed("/etc")) as? ServingError == .pathNotAllowed("/etc"))
    #expect(try travelled(ServingError.unknownMethod("x")) as? ServingError == .unknownMethod("x"))
  }

  @Test func `an error without a class of its own keeps its name and its line`() throws {
    let error = try travelled(ServingError.badArgument("limit is negative"))
    guard case .serverFailed(let className, let message, _)? = error as? RemoteError else {
      Issue.record("\(error)")
      return
    }
    #expect(className == "TypeError")
    #expect(message == "TypeError: limit is negative")
  }

  /// What a client that calls the repository "here" makes of a server's error.
  private func travelled(_ error: any Error) throws -> any Error {
    let pipe = try Pipe()
    var writer = ResponseWriter(pipe.writer, systemDescription: "")
    try writer.write(ErrorReport(error), to: .init(message: .int(5), isPositional: false))
    try writer.flush()
    try pipe.writer.close()
    var decoder = ReplyDecoder()
    _ = Channel.read(pipe.reader) { decoder.append($0) }
    let reply = try #require(try decoder.next())
    #expect(reply.message == 5)
    guard case .failure(let report) = reply.outcome else { throw FormatError("no error") }
    return report.error(location: "here")
  }
}
