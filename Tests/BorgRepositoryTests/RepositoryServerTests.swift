import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Synchronization
import Testing

@testable import BorgRepository

@Suite struct RepositoryServerTests {
  private let sandbox: Sandbox
  private let id = ChunkID(words: (7, 7, 7, 7))
  private let exclusive: [(String, MessagePackValue)] = [("exclusive", .bool(true)), ("lock_wait", .int(0))]

  init() throws { sandbox = try Sandbox() }

  private func object(_ text: String) -> [(String, MessagePackValue)] {
    [("id", .raw(id.bytes)), ("data", .raw(Array(text.utf8)))]
  }

  @Test func `what is put and committed is there for the next client`() throws {
    let first = try ServedConnection(sandbox)
    try first.open(sandbox, "repo", exclusive + [("create", .bool(true))])
    #expect(try first.result("put", object("abc")) == .null)
    #expect(try first.result("commit") == .null)
    #expect(try first.result("__len__") == .int(1))
    #expect(try first.finish())
    #expect(!sandbox.exists("repo/lock.exclusive"))

    let second = try ServedConnection(sandbox)
    try second.open(sandbox)
    #expect(try second.result("get", [("id", .raw(id.bytes))]) == .raw(Array("abc".utf8)))
    #expect(try second.result("list", [("limit", .int(10))]) == .array([.raw(id.bytes)]))
    #expect(try second.result("scan", [("limit", .null)]) == .array([.raw(id.bytes)]))
    #expect(try second.refusal("list", [("marker", .raw(ChunkID.manifest.bytes))]) == "KeyError")
    #expect(try second.refusal("get", [("id", .raw(ChunkID.manifest.bytes))]) == "ObjectNotFound")
    #expect(try second.result("check") == .bool(true))
    _ = try second.finish()
  }

  @Test func `a client that goes away commits nothing and leaves no lock`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox)
    try connection.open(sandbox)
    #expect(try connection.result("put", object("abc")) == .null)
    #expect(sandbox.exists("repo/lock.exclusive"))
    _ = try connection.finish()
    #expect(!sandbox.exists("repo/lock.exclusive"))
    let repository = try sandbox.open()
    #expect(try repository.objectCount() == 0)
    repository.close()
  }

  @Test func `a broken frame ends the connection and leaves no lock`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox)
    try connection.open(sandbox)
    try connection.send([0xc1])
    #expect(throws: FormatError.self) { try connection.answer() }
    #expect(throws: ServingError.unexpectedData) { try connection.finish() }
    #expect(!sandbox.exists("repo/lock.exclusive"))
  }

  @Test func `a process that must end waits for no request`() throws {
    let repository = try sandbox.create()
    let (busy, free) = (try Pipe(), try Pipe())
    let worker = try Worker {
      repository.core.withLock { _ in
        try? busy.writer.close()
        _ = try? free.reader.readAll()
      }
    }
    _ = try busy.reader.readAll()
    #expect(sandbox.exists("repo/lock.exclusive"))
    try repository.releaseLock()
    #expect(!sandbox.exists("repo/lock.exclusive"))
    try free.writer.close()
    worker.join()
    repository.close()
  }

  @Test func `requests in a row are answered in their order`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox)
    try connection.open(sandbox)
    let large = [UInt8](repeating: 3, count: 200_000)
    let put = ServedConnection.frame(100, "put", [("id", .raw(id.bytes)), ("data", .raw(large))])
    let writer = try Worker {
      try? connection.send(put)
      for message in 101...150 {
        try? connection.send(ServedConnection.frame(Int64(message), "__len__", []))
      }
    }
    #expect(try (100...150).map { _ in try connection.answer()["i"] } == (100...150).map { .int($0) })
    writer.join()
    _ = try connection.finish()
  }

  @Test func `an old client is answered in its own form`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox)
    func legacy(_ method: String, _ arguments: [MessagePackValue]) throws -> MessagePackValue {
      try connection.send(
        MessagePackValue.array([.int(1), .int(9), .raw(Array(method.utf8)), .array(arguments)]).encoded())
      return try connection.answer()
    }
    #expect(try legacy("negotiate", [.int(2)]) == .array([.int(1), .int(9), .null, .int(2)]))
    let opened = try legacy(
      "open", [.raw(sandbox.path("repo")), .bool(false), .int(0), .bool(true)])
    #expect(opened.arrayValue?.last?.rawValue?.count == 32)
    // Its lock is shared, and exclusive from the first change on.
    #expect(!sandbox.exists("repo/lock.exclusive"))
    #expect(try legacy("put", [.raw(id.bytes), .raw([1])]).arrayValue?.last == .null)
    #expect(sandbox.exists("repo/lock.exclusive"))
    #expect(try legacy("get", [.raw(id.bytes)]).arrayValue?.last == .raw([1]))
    _ = try connection.finish()
  }

  @Test func `calls before any open are refused, and another may follow`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox)
    for method in ["rollback", "load_key", "__len__", "destroy", "break_lock", "commit", "check"] {
      #expect(try connection.refusal(method) == "AttributeError")
    }
    #expect(try connection.refusal("open", [("path", .raw(sandbox.path("none")))]) == "DoesNotExist")
    try connection.open(sandbox)
    _ = try connection.finish()
  }

  @Test func `restrictions hold for real paths, name by name`() throws {
    for name in ["in", "in/repo", "inner", "out"] { try Files.makeDirectory(sandbox.path(name)) }
    try sandbox.create("in/repo").close()
    try sandbox.create("inner/repo").close()
    try sandbox.create("out/repo").close()
    try #require(symlink("../out/repo", "\(sandbox.directory.path)/in/link") == 0)
    let base = sandbox.path("in")
    let connection = try ServedConnection(sandbox) { $0.restrictedPaths = [base] }
    try connection.open(sandbox, "in/repo")
    for name in ["inner/repo", "out/repo", "in/link", "in/../out/repo", "in/repo/../../out/new"] {
      #expect(
        try connection.refusal("open", [("path", .raw(sandbox.path(name))), ("create", .bool(true))])
          == "PathNotAllowed")
    }
    #expect(try connection.refusal("open", [("path", .raw(Array("~root/x".utf8)))]) == "PathNotAllowed")
    _ = try connection.finish()
    let repository = sandbox.path("in/repo")
    let exact = try ServedConnection(sandbox) { $0.restrictedRepositories = [repository + Array("/".utf8)] }
    try exact.open(sandbox, "in/repo")
    #expect(try exact.refusal("open", [("path", .raw(sandbox.path("in/repo/data")))]) == "PathNotAllowed")
    _ = try exact.finish()
  }

  @Test func `append-only holds for what is opened, a quota for all`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox) {
      $0.appendOnly = true
      $0.storageQuota = 100
    }
    try connection.open(sandbox)
    #expect(try connection.refusal("destroy") == "ValueError")
    #expect(try connection.refusal("put", object(String(repeating: "x", count: 200))) == "StorageQuotaExceeded")
    #expect(try connection.refusal("commit") == "StorageQuotaExceeded")
    #expect(try connection.result("put", object("x")) == .null)
    _ = try connection.finish()
    let config = String(decoding: try sandbox.bytes("repo/config"), as: UTF8.self)
    #expect(config.contains("append_only = 0"))
  }

  @Test func `who reads beside writers changes nothing, and destroys nothing`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox) { $0.appendOnly = true }
    try connection.open(sandbox, "repo", [("exclusive", .bool(false)), ("read_beside_writers", .bool(true))])
    for (method, arguments) in [
      ("destroy", []), ("put", object("x")), ("delete", [("id", .raw(ChunkID.manifest.bytes))]),
      ("save_key", [("keydata", .raw([1]))]), ("check", [("repair", .bool(true))]),
      ("commit_nonce_reservation", [("next_unreserved", .int(9)), ("start_nonce", .null)]),
    ] as [(String, [(String, MessagePackValue)])] {
      #expect(try connection.refusal(method, arguments).isEmpty == false)
    }
    _ = try connection.finish()
    let repository = try sandbox.open()
    #expect(try repository.objectCount() == 0)
    repository.close()
  }

  @Test func `a key cannot write other options of the config`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox)
    try connection.open(sandbox)
    for text in ["a\rid = 1", "a\u{85}id = 1", "\u{0}", "a\u{2028}x"] {
      #expect(try connection.refusal("save_key", [("keydata", .raw(Array(text.utf8)))]) == "TypeError")
    }
    let key = "first\nid = 0000\n[repository]\nappend_only = 1"
    #expect(try connection.result("save_key", [("keydata", .raw(Array(key.utf8)))]) == .null)
    _ = try connection.finish()
    let repository = try sandbox.open()
    #expect(repository.configValue(section: "repository", option: "append_only") == "0")
    repository.close()
  }

  @Test func `the nonce is handed out and reserved`() throws {
    try sandbox.create().close()
    let connection = try ServedConnection(sandbox)
    try connection.open(sandbox)
    #expect(try connection.result("get_free_nonce") == .null)
    let reservation: [(String, MessagePackValue)] = [("next_unreserved", .int(512)), ("start_nonce", .null)]
    #expect(try connection.result("commit_nonce_reservation", reservation) == .null)
    #expect(try connection.result("get_free_nonce") == .int(512))
    #expect(try connection.refusal("commit_nonce_reservation", reservation) == "Error")
    _ = try connection.finish()
  }
}
