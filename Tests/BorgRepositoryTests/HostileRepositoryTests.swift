import BorgFormat
import BorgSystem
import BorgTesting
import Testing

@testable import BorgRepository

/// Repositories made by somebody who wants us to trap: errors are welcome, crashes are not.
struct HostileRepositoryTests {
  private let sandbox: Sandbox
  private let original: [String: [UInt8]]

  init() throws {
    sandbox = try Sandbox()
    let repository = try sandbox.createSmall()
    for number in 1...6 { try repository.put(id(UInt8(number)), object(30, seed: UInt8(number))) }
    try repository.delete(id(6))
    try repository.put(id(5), object(50))
    try repository.commit(CommitOptions())
    repository.close()
    original = try sandbox.contents()
  }

  /// Everything that a session can do, each on its own.
  private func exercise(checking: Bool = false) throws {
    let repository = try sandbox.open()
    defer { repository.close() }
    let ids = (try? repository.list(after: nil, limit: .max)) ?? []
    for id in ids { _ = try? repository.get(id) }
    repository.prefetch(ids)
    _ = try? repository.scan(after: ids.first, limit: 100)
    for id in ids.prefix(3) { try? repository.delete(id) }
    for number in 1...4 { try? repository.put(id(UInt8(number)), object(31)) }
    try? repository.commit(CommitOptions(compacts: true, threshold: 0, cleanupCommits: true))
    if checking {
      _ = try? repository.check(repair: false, maximumSeconds: 0)
      _ = try? repository.check(repair: true, maximumSeconds: 0)
    }
  }

  @Test func `an index with an absurd number is no index`() throws {
    for keepsSegments in [true, false] {
      var files = original.filter { keepsSegments || !$0.key.hasPrefix("data/") }
      for name in files.keys where name.hasPrefix("index.") {
        files["index.99999999999999999999"] = files.removeValue(forKey: name)
      }
      files["index.4294967296"] = files["index.99999999999999999999"]
      try sandbox.restore(files)
      try? exercise(checking: true)
    }
  }

  @Test(arguments: ["index", "hints", "integrity"]) func `flipped bits in auxiliary files trap nobody`(kind: String)
    throws
  {
    var random = SeededGenerator(3)
    let name = try #require(original.keys.first { $0.hasPrefix("\(kind).") })
    for _ in 0..<40 {
      var files = original
      if kind != "integrity" { files = files.filter { !$0.key.hasPrefix("integrity.") } }
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        // Most of an index is empty buckets; its header and the entries' values are what matters.
        let bucket = Int.random(in: 0..<1031, using: &random)
        let offset =
          kind == "index"
          ? [Int.random(in: 8..<18, using: &random), 18 + bucket * 40 + 32].randomElement(using: &random)!
          : Int.random(in: 0..<files[name]!.count, using: &random)
        files[name]![offset] = .random(in: .min ... .max, using: &random)
      }
      try sandbox.restore(files)
      try exercise()
    }
  }

  @Test func `an index that points anywhere traps nobody`() throws {
    var random = SeededGenerator(4)
    let numbers: [UInt32] = [0, 1, 4, 5, 6, 7, 8, 79, 1000, 0x7fff_ffff, 0xffff_fbff]
    let offsets = numbers + [UInt32.max, UInt32.max - 1]
    for _ in 0..<25 {
      let index = RepositoryIndex()
      for number in 0...12 {
        index.set(
          id(UInt8(number)),
          EntryLocation(
            segment: numbers.randomElement(using: &random)!, offset: offsets.randomElement(using: &random)!))
      }
      var files = original.filter { !$0.key.hasPrefix("integrity.") }
      files[files.keys.first { $0.hasPrefix("index.") }!] = index.withFileBytes { Array($0) }
      try sandbox.restore(files)
      try exercise()
    }
  }

  @Test func `hints with extreme numbers trap nobody`() throws {
    let name = try #require(original.keys.first { $0.hasPrefix("hints.") })
    for extreme in [Int.min, -1, 0, 1, Int(UInt32.max), Int.max] {
      var hints = Hints()
      hints.storageQuotaUse = Int64(extreme)
      for segment in [Int.min, -1, 0, 1, 2, 3, 4, 5, 6, Int(UInt32.max), Int.max] {
        hints.segments[segment] = extreme
        hints.compact[segment] = extreme
      }
      for number in 0...6 { hints.shadow[id(UInt8(number))] = [extreme, 0, extreme] }
      var files = original.filter { !$0.key.hasPrefix("integrity.") }
      files[name] = hints.encoded()
      try sandbox.restore(files)
      try exercise()
    }
  }

  @Test func `random damage to segments traps nobody, and a repair always succeeds`() throws {
    var random = SeededGenerator(6)
    let segments = original.keys.filter { $0.hasPrefix("data/") }.sorted()
    for round in 0..<30 {
      var files = original
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let name = segments.randomElement(using: &random)!
        damage(&files[name]!, &random)
      }
      if round % 2 == 0 { files = files.filter { $0.key.hasPrefix("data/") } }
      try sandbox.restore(files)
      if round % 3 == 0 { try exercise(checking: true) }
      try sandbox.restore(files)
      let repository = try sandbox.open()
      #expect(try repository.check(repair: true, maximumSeconds: 0))
      #expect(try repository.check(repair: false, maximumSeconds: 0))
      for id in try repository.list(after: nil, limit: .max) { _ = try repository.get(id) }
      repository.close()
    }
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
    guard !bytes.isEmpty else { return }
    let position = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: bytes[position] ^= 1 << UInt8.random(in: 0...7, using: &random)
    case 1: bytes.removeSubrange(position...)
    case 2: bytes.removeSubrange(position..<min(bytes.count, position + 9))
    default: bytes.insert(contentsOf: bytes[position...], at: Int.random(in: 0...position, using: &random))
    }
  }

  @Test(arguments: [
    "[repository]\nversion = 1\nsegments_per_dir = 9223372036854775807\nmax_segment_size = 0\nid = ID\n",
    "[repository]\nversion = 1\nsegments_per_dir = 0\nmax_segment_size = 1\nid = ID\n",
    "[repository]\nversion = 1\nsegments_per_dir = -5\nmax_segment_size = 99999999999999999999P\nid = ID\n",
    "[repository]\nversion = x\n", "version = 1\n", "[repository\n", "\u{0}\u{1}", "",
    "[repository]\nversion = 1\nsegments_per_dir = 1\nmax_segment_size = 1\nid = zz\n",
    "[repository]\nversion = 1\nsegments_per_dir = 1\nmax_segment_size = 1\nid = ID\nappend_only =\n",
    "[repository]\nversion = 1\nsegments_per_dir = 1\nmax_segment_size = 1\nid = ID\nadditional_free_space = 9223372036P\n",
  ]) func `strange configs trap nobody`(config: String) throws {
    let text = config.split(separator: "ID", omittingEmptySubsequences: false).joined(separator: id(7).hex)
    try sandbox.write("repo/config", Array(text.utf8))
    try? exercise()
  }

  @Test func `a roster of nonsense traps nobody`() throws {
    for text in [
      "{\"shared\": [[\"sandbox\", 9223372036854775807, 0]]}", "{\"shared\": [[\"sandbox\", -1, 0], [], 5, null]}",
      "{\"exclusive\": {}, \"shared\": \"x\"}", "{\"shared\": [[\"sandbox\", 0, 0]]}",
      String(repeating: "[", count: 100_000),
    ] {
      try sandbox.write("repo/lock.roster", Array(text.utf8))
      _ = try? sandbox.open()
      try LocalRepository.breakLock(sandbox.location())
    }
  }
}
