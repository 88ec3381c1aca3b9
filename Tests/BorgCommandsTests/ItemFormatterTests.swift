import BorgArchive
import BorgFormat
import Testing

@testable import BorgCommands

@Suite struct ItemFormatterTests {
  private static let standard = "{mode} {user:6} {group:6} {size:8} {mtime} {path}{extra}{NL}"

  @Test func `the default line is Borg's`() throws {
    var file = item("dir/hl", 0o100644)
    file.chunks = [ChunkListEntry(id: id(1), size: 6, storedSize: 50)]
    #expect(
      try line(Self.standard, file) == "-rw-r--r-- root   root          6 Sun, 2026-11-22 10:13:54 dir/hl\n")
    var later = item("dir/a.txt", 0o100644)
    later.source = Array("dir/hl".utf8)
    #expect(
      try line(Self.standard, later)
        == "hrw-r--r-- root   root          0 Sun, 2026-11-22 10:13:54 dir/a.txt link to dir/hl\n")
    var link = item("dir/sym", 0o120777)
    link.source = Array("ä.txt".utf8)
    #expect(
      try line(Self.standard, link)
        == "lrwxrwxrwx root   root          5 Sun, 2026-11-22 10:13:54 dir/sym -> ä.txt\n")
  }

  @Test func `an id stands in for a missing name, aligned as a number`() throws {
    var file = item("f", 0o100600)
    file.user = nil
    file.uid = 12345
    file.group = []
    file.gid = -2
    #expect(try line("{user:8}|{group:<4}|{user!s:8}|{uid:8}", file) == "   12345|-2  |12345   |   12345")
  }

  @Test(
    arguments: [
      (0o104755, "-rwsr-xr-x"), (0o102654, "-rw-r-sr--"), (0o041777, "drwxrwxrwt"), (0o047000, "d--S--S--T"),
      (0o060660, "brw-rw----"), (0o020600, "crw-------"), (0o010644, "prw-r--r--"), (0o140755, "srwxr-xr-x"),
      (0o644, "?rw-r--r--"),
    ] as [(UInt32, String)])
  func `modes are spelled as ls does`(mode: UInt32, expected: String) throws {
    #expect(try line("{mode}", item("x", mode)) == expected)
    #expect(try line("{type}", item("x", mode)) == expected.prefix(1))
    #expect(try line("{mode:>12}", item("x", mode)) == "  " + expected)
  }

  @Test func `paths are text, and bytes on request`() throws {
    let odd = item([0x61, 0xff, 0xc3], 0o100644)
    #expect(try line("{path:5}|", odd) == "a??  |")
    #expect(try bytes("{bpath:5}|", odd) == [0x61, 0xff, 0xc3, 0x20, 0x20, 0x7c])
  }

  @Test func `sizes count what they say`() throws {
    var file = item("f", 0o100644)
    file.chunks = [1, 1, 2, 3].map { ChunkListEntry(id: id($0), size: 10 * UInt32($0), storedSize: 5) }
    #expect(try line("{size} {csize} {num_chunks}", file) == "70 20 4")
    // Chunk 1 is referred to twice, by this file; chunk 2 by others too; chunk 3 is not known at all.
    let references: [ChunkID: UInt32] = [id(1): 2, id(2): 2]
    let sources = ItemValues.Sources(references: { references[$0] })
    #expect(try line("{dsize} {dcsize} {unique_chunks}", file, sources) == "20 10 2")
    file.size = 77
    file.chunksHealthy = file.chunks
    #expect(try line("{size} {csize} {health}", file) == "77 20 broken")
    #expect(ItemFormatter.needsCache(Array("{path}{dsize:5}".utf8)))
    #expect(!ItemFormatter.needsCache(Array("{path}{size}{{dsize}}".utf8)))
  }

  @Test func `hashes are of the content, and empty where there is none`() throws {
    var file = item("f", 0o100644)
    file.chunks = [
      ChunkListEntry(id: id(1), size: 1, storedSize: 1), ChunkListEntry(id: id(2), size: 2, storedSize: 1),
    ]
    let sources = ItemValues.Sources(content: { $0.id == id(1) ? Array("a".utf8) : Array("bc".utf8) })
    #expect(try line("{md5}|{xxh64:18}|", file, sources) == "900150983cd24fb0d6963f7d28e17f72|44bc2cf5ad770999  |")
    #expect(try line("[{sha256}]", item("d", 0o040755), sources) == "[]")
  }

  @Test func `a JSON line has its keys in Borg's order`() throws {
    var later = item("dir/a.txt", 0o100644)
    later.source = Array("dir/hl".utf8)
    later.mtime = 1_795_342_434_387_486_000
    #expect(
      try line(Self.standard, later, json: true) == #"""
        {"type": "-", "mode": "hrw-r--r--", "user": "root", "group": "root", "uid": 0, "gid": 0, "path": "dir/a.txt", \#
        "healthy": true, "source": "dir/hl", "linktarget": "dir/hl", "flags": 0, \#
        "mtime": "2026-11-22T10:13:54.387486", "size": 0}

        """#)
    var odd = item(Array("q\"\\\n\u{1}ü𝄞".utf8) + [0xff], 0o100644)
    odd.user = nil
    let parsed = try JSONValue(parsing: line("{archivename}{archiveid}{nonsense}", odd, json: true))
    #expect(parsed["path"] == .string("q\"\\\n\u{1}ü𝄞?"))
    #expect(parsed["user"] == .int(0))
    #expect(parsed["archivename"] == .string("näme") && parsed["archiveid"] == .string(id(9).hex))
    #expect(parsed["mtime"] == nil)
  }

  @Test func `unknown keys are told`() {
    #expect(throws: ArchiveError.plain("Invalid format string: unknown key 'foo'")) {
      try line("{foo}", item("x", 0o100644))
    }
  }

  private func line(
    _ format: String, _ item: Item, _ sources: ItemValues.Sources = ItemValues.Sources(), json: Bool = false
  ) throws -> String {
    String(decoding: try bytes(format, item, sources, json: json), as: UTF8.self)
  }

  private func bytes(
    _ format: String, _ item: Item, _ sources: ItemValues.Sources = ItemValues.Sources(), json: Bool = false
  ) throws -> [UInt8] {
    let values = ItemValues(
      archiveName: Array("näme".utf8), archiveID: id(9), sources: sources, time: LocalTime { _ in 0 })
    var formatter = try ItemFormatter(format: Array(format.utf8), values: values, jsonLines: json)
    var output: [UInt8] = []
    try formatter.append(item, to: &output)
    return output
  }

  private func item(_ path: String, _ mode: UInt32) -> Item { item(Array(path.utf8), mode) }

  private func item(_ path: [UInt8], _ mode: UInt32) -> Item {
    var item = Item(path: path, mode: mode)
    item.user = Array("root".utf8)
    item.group = Array("root".utf8)
    item.mtime = 1_795_342_434_000_000_000
    return item
  }
}

private func id(_ number: UInt64) -> ChunkID { ChunkID(words: (number, 0, 0, 0)) }
