import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgRepository

/// What a crash, a cut file or a lost index leaves, and what the next session makes of it.
struct RecoveryTests {
  private let sandbox: Sandbox

  init() throws { sandbox = try Sandbox() }

  /// The repository's objects as the next reader sees them; then a writer must work, and a check find nothing.
  private func expectState(_ expected: [String], _ comment: String) throws {
    let reader = try sandbox.open("repo", .shared)
    #expect(try sandbox.objects(reader) == expected, "\(comment)")
    reader.close()
    let writer = try sandbox.open()
    try writer.put(id(200), object(9))
    try writer.commit(CommitOptions(compacts: true))
    #expect(try writer.check(repair: false, maximumSeconds: 0), "\(comment)")
    #expect(try sandbox.objects(writer).count == expected.count + 1, "\(comment)")
    writer.close()
  }

  /// Two transactions, the second with replacing, deleting and compacting; files and objects before and after it.
  private func twoStates(compacts: Bool) throws -> (
    before: [String: [UInt8]], after: [String: [UInt8]], old: [String], new: [String]
  ) {
    let repository = try sandbox.createSmall()
    for number in 1...8 { try repository.put(id(UInt8(number)), object(30, seed: UInt8(number))) }
    try repository.put(.manifest, object(12))
    try repository.commit(CommitOptions())
    try repository.delete(id(8))
    try repository.commit(CommitOptions())
    let before = try sandbox.contents()
    let old = try sandbox.objects(repository)
    try repository.delete(id(1))
    try repository.put(id(2), object(40))
    try repository.put(id(9), object(33))
    try repository.put(.manifest, object(13))
    try repository.commit(CommitOptions(compacts: compacts))
    let new = try sandbox.objects(repository)
    repository.close()
    return (before, try sandbox.contents(), old, new)
  }

  private func segment(_ name: String) -> Int? {
    guard name.hasPrefix("data/"), let number = name.split(separator: "/").last else { return nil }
    return Int(number)
  }

  /// The number of the transaction whose index is among these files.
  private func transaction(_ contents: [String: [UInt8]]) throws -> Int {
    try #require(contents.keys.first { $0.hasPrefix("index.") }.flatMap { Int($0.dropFirst(6)) })
  }

  @Test func `a crash while segments are written leaves the old state`() throws {
    let (before, after, old, new) = try twoStates(compacts: false)
    let added = after.keys.filter { segment($0) != nil && before[$0] == nil }.sorted { segment($0)! < segment($1)! }
    #expect(added.count >= 3)
    var files = before
    for name in added {
      let bytes = try #require(after[name])
      for length in stride(from: 0, to: bytes.count, by: name == added.last ? 3 : 29) {
        files[name] = Array(bytes.prefix(length))
        try sandbox.restore(files)
        try expectState(old, "\(name) cut to \(length)")
      }
      files[name] = bytes
    }
    try sandbox.restore(files)
    try expectState(new, "all segments durable, no new index")
  }

  @Test func `a crash while the index is written leaves the new state`() throws {
    let (before, after, _, new) = try twoStates(compacts: false)
    let newest = try transaction(after)
    var files = before.merging(after.filter { segment($0.key) != nil }) { $1 }
    for kind in ["hints", "index", "integrity"] {
      let name = "\(kind).\(newest)"
      files["\(name).tmp"] = Array(after[name]!.prefix(5))
      try sandbox.restore(files)
      try expectState(new, "\(name).tmp is being written")
      files["\(name).tmp"] = after[name]
    }
    for kind in ["integrity", "hints", "index"] {
      let name = "\(kind).\(newest)"
      files[name] = files.removeValue(forKey: "\(name).tmp")
      try sandbox.restore(files)
      try expectState(new, "\(name) is in place")
    }
    files["hints.\(newest)"] = nil
    try sandbox.restore(files)
    try expectState(new, "the hints' rename was lost")
  }

  @Test func `a crash in a compaction leaves the new state, whichever unlinks were lost`() throws {
    let (before, after, _, new) = try twoStates(compacts: true)
    let segments = before.merging(after.filter { segment($0.key) != nil }) { $1 }
    let removed = before.keys.filter { segment($0) != nil && after[$0] == nil }.sorted()
    #expect(removed.count >= 3)
    var random = SeededGenerator(5)
    for round in 0..<16 {
      let lost = round == 0 ? [] : round == 1 ? removed : removed.filter { _ in Bool.random(using: &random) }
      try sandbox.restore(segments.filter { !lost.contains($0.key) })
      try expectState(new, "unlinked: \(lost)")
    }
  }

  @Test func `a cut tail falls back to the last whole commit`() throws {
    let repository = try sandbox.createSmall()
    var states: [(last: Int, objects: [String])] = []
    var random = SeededGenerator(11)
    for _ in 0..<6 {
      for _ in 0..<4 {
        try repository.put(id(.random(in: 1...9, using: &random)), object(.random(in: 0...60, using: &random)))
      }
      try repository.commit(CommitOptions())
      states.append((try #require(sandbox.segments().last), try sandbox.objects(repository)))
    }
    repository.close()
    let whole = try sandbox.contents()
    for _ in 0..<25 {
      let last = Int.random(in: states[0].last + 1...states[5].last, using: &random)
      var files = whole.filter { segment($0.key).map { $0 <= last } ?? true }
      let name = "data/0/\(last)"
      let length = Int.random(in: 0..<whole[name]!.count, using: &random)
      files[name] = Array(whole[name]!.prefix(length))
      try sandbox.restore(files)
      let expected = try #require(states.last { $0.last < last })
      try expectState(expected.objects, "segment \(last) cut to \(length)")
    }
  }

  @Test func `an index that is lost, cut, foreign or too new is made anew`() throws {
    let (_, after, _, new) = try twoStates(compacts: false)
    let newest = try transaction(after)
    let index = "index.\(newest)"
    let changes: [(String, (inout [String: [UInt8]]) -> Void)] = [
      ("lost", { $0[index] = nil }),
      ("empty", { $0[index] = [] }),
      ("cut", { $0[index]!.removeLast() }),
      ("magic", { $0[index]![0] ^= 1 }),
      ("count", { $0[index]![8] ^= 1 }),
      ("bucket", { $0[index]![900] ^= 1 }),
      (
        "bucket without integrity",
        {
          $0[index]![11] ^= 0x80; $0["integrity.\(newest)"] = nil
        }
      ),
      ("integrity unreadable", { $0["integrity.\(newest)"] = [0xc1] }),
      ("integrity empty", { $0["integrity.\(newest)"] = [] }),
      ("integrity of another version", { $0["integrity.\(newest)"] = [0x81, 0xa7] + Array("version".utf8) + [9] }),
      ("renamed", { $0["index.\(newest + 7)"] = $0.removeValue(forKey: index) }),
      ("hints lost", { $0["hints.\(newest)"] = nil }),
      ("hints cut", { $0["hints.\(newest)"]!.removeLast() }),
      (
        "hints foreign",
        {
          $0["hints.\(newest)"] = [0x93, 1, 2, 3]; $0["integrity.\(newest)"] = nil
        }
      ),
      ("everything lost", { files in for kind in AuxiliaryFile.allCases { files[kind.name(newest)] = nil } }),
    ]
    for (comment, change) in changes {
      var files = after
      change(&files)
      try sandbox.restore(files)
      try expectState(new, comment)
    }
  }

  @Test func `an index without any commit needs a check`() throws {
    let (_, after, _, _) = try twoStates(compacts: false)
    try sandbox.restore(after.filter { segment($0.key) == nil || $0.value.count > 17 })
    let reader = try sandbox.open("repo", .shared)
    let path = "\(sandbox.directory.path)/repo"
    #expect(throws: RepositoryError.checkNeeded(path: "\(path)\" - although likely this is \"beyond repair")) {
      try reader.objectCount()
    }
    reader.close()
  }

  @Test func `a first transaction that was killed stands in nobody's way`() throws {
    let repository = try sandbox.createSmall()
    for number in 1...5 { try repository.put(id(UInt8(number)), object(30)) }
    try repository.commit(CommitOptions())
    repository.close()
    let whole = try sandbox.contents().filter { segment($0.key) != nil }
    for last in 0...3 {
      for length in stride(from: 0, to: whole["data/0/\(last)"]!.count, by: 19) {
        var files = whole.filter { segment($0.key)! <= last }
        files["data/0/\(last)"] = Array(files["data/0/\(last)"]!.prefix(length))
        try sandbox.restore(files)
        try expectState([], "segment \(last) cut to \(length)")
      }
    }
  }

  @Test func `segments whose commits are damaged are not mistaken for a first transaction`() throws {
    let (_, after, _, _) = try twoStates(compacts: false)
    var files = after.filter { segment($0.key) != nil }
    for name in files.keys where files[name]!.count == 17 { files[name]![10] ^= 1 }
    try sandbox.restore(files)
    let writer = try sandbox.open()
    #expect(throws: RepositoryError.self) { try writer.put(id(1), [1]) }
    writer.close()
    #expect(try sandbox.contents() == files)
  }

  @Test func `a replay waits for the readers and keeps the lock`() throws {
    let (_, after, _, new) = try twoStates(compacts: false)
    try sandbox.restore(after.filter { segment($0.key) != nil })
    func lockElsewhere() throws -> DirectoryLock {
      try DirectoryLock.acquire(
        path: sandbox.path("repo/lock"), LockOptions(mode: .shared, waitSeconds: 0),
        environment: Environment(variables: ["BORG_HOST_ID": "other"]), monitor: sandbox.monitor)
    }
    let other = try lockElsewhere()
    let reader = try sandbox.open("repo", .shared)
    #expect(throws: RepositoryError.lockTimeout(path: "\(sandbox.directory.path)/repo/lock")) {
      try reader.objectCount()
    }
    try other.release()
    #expect(try sandbox.objects(reader) == new)
    #expect(throws: RepositoryError.self) { try lockElsewhere() }
    reader.close()
    #expect(!sandbox.exists("repo/lock.roster"))
  }

  @Test func `version 1 hints are understood`() throws {
    let (_, after, _, new) = try twoStates(compacts: false)
    let newest = try transaction(after)
    var files = after
    var writer = MessagePackWriter()
    writer.writeMapHeader(3)
    writer.writeRaw("version")
    writer.writeInt(1)
    writer.writeRaw("segments")
    writer.writeMapHeader(2)
    for number: Int64 in [0, 99, 1, 1] { writer.writeInt(number) }
    writer.writeRaw("compact")
    writer.writeArrayHeader(3)
    for number: Int64 in [0, 1, 99] { writer.writeInt(number) }
    files["hints.\(newest)"] = writer.bytes
    files["integrity.\(newest)"] = nil
    try sandbox.restore(files)
    try expectState(new, "version 1")
  }

  @Test func `an unknown hints version stops writers alone`() throws {
    let (_, after, _, new) = try twoStates(compacts: false)
    let newest = try transaction(after)
    var files = after
    files["hints.\(newest)"] = [0x81, 0xa7] + Array("version".utf8) + [3]
    files["integrity.\(newest)"] = nil
    try sandbox.restore(files)
    let repository = try sandbox.open()
    #expect(try sandbox.objects(repository) == new)
    #expect(throws: RepositoryError.refused("Unknown hints file version: 3")) { try repository.put(id(1), []) }
    repository.close()
  }
}
