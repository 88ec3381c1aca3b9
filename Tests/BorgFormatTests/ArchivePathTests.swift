import BorgFormat
import BorgTesting
import Testing

struct ArchivePathTests {
  @Test func `stored paths are relative and local`() throws {
    for pair in try #require(try Fixtures.vectors("items")["make_path_safe"]?.arrayValue).compactMap(\.arrayValue) {
      let path = try #require(pair[0].stringValue)
      #expect(displayText(ArchivePath.stored(Array(path.utf8))) == pair[1].stringValue)
    }
  }

  @Test func `a slash-dot root loses what stands before it`() throws {
    for pair in try #require(try Fixtures.vectors("items")["strip_prefix"]?.arrayValue).compactMap(\.arrayValue) {
      let path = try #require(pair[0].stringValue)
      #expect(ArchivePath.slashDotPrefix(of: Array(path.utf8)).map { displayText($0) } == pair[1].stringValue)
    }
  }

  @Test(arguments: [
    ("", "."), (".", "."), ("/", "/"), ("//", "//"), ("///", "/"), ("a//b/./c", "a/b/c"), ("a/../b", "b"),
    ("../a", "../a"), ("/../a", "/a"), ("//../a/", "//a"), ("a/..", "."), ("a/b/../..", "."), ("../..", "../.."),
    ("a/../../b", "../b"),
  ])
  func `normalising follows POSIX`(path: String, normalized: String) {
    #expect(displayText(ArchivePath.normalized(Array(path.utf8))) == normalized)
  }

  @Test(arguments: ["a/b", "./a/b", "/a/b", "//a/./b", "../a/b"])
  func `a hard link's source is compared as its name is stored`(source: String) {
    #expect(displayText(ArchivePath.linked(Array(source.utf8))) == "a/b")
  }

  @Test(arguments: [(0, "a/b", "a/b"), (1, "a/b", "b"), (1, "a/b/c", "b/c"), (1, "a//b", "/b"), (2, "a/b/c", "c")])
  func `leading elements are stripped`(count: Int, path: String, rest: String) {
    #expect(ArchivePath.strippingComponents(count, from: Array(path.utf8)) == Array(rest.utf8))
  }

  @Test func `a path with too few elements disappears`() {
    #expect(ArchivePath.strippingComponents(1, from: Array("a".utf8)) == nil)
    #expect(ArchivePath.strippingComponents(5, from: Array("a/b".utf8)) == nil)
    #expect(ArchivePath.strippingComponents(1, from: Array("a/".utf8)) == nil)
  }

  @Test(arguments: [
    ("616263", "abc"), ("c3b6", "ö"), ("ff", "?"), ("61ffc3", "a??"), ("eda080", "???"), ("f09f9880", "😀"),
    ("f09f98", "???"), ("c0af", "??"), ("e28261", "??a"), ("f4908080", "????"),
  ])
  func `each invalid byte shows as one question mark`(hex: String, text: String) throws {
    #expect(displayText(try #require(Hex.decode(hex))) == text)
  }

  @Test(arguments: [
    ("/a/b/./c/d", "/a/b/"), ("a/./b", "a/"), ("/a/../b/./c", "/b/"), ("dir/./", "dir/"), ("/./a", nil),
    ("/./srv/./data", nil), ("./a", nil),
    ("a/b", nil), ("a/.", nil), ("a", nil), ("", nil),
  ])
  func `what stands before a slashdot is stripped`(_ root: String, _ prefix: String?) {
    #expect(ArchivePath.slashDotPrefix(of: Array(root.utf8)) == prefix.map { Array($0.utf8) })
  }
}
