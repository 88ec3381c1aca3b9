import BorgFormat
import BorgSystem
import BorgTesting
import Testing

@testable import BorgRepository

struct LocationTests {
  @Test func `locations parse as Borg's do`() throws {
    guard case .array(let vectors)? = try Fixtures.vectors("locations")["locations"] else {
      Issue.record("no vectors")
      return
    }
    #expect(vectors.count > 10)
    for vector in vectors {
      let text = try #require(vector.string("location"))
      let location = try #require(parse(text), "\(text)")
      #expect(String(decoding: location.path, as: UTF8.self) == vector.string("path"), "\(text)")
      #expect(location.archive.map { String(decoding: $0, as: UTF8.self) } == vector.string("archive"), "\(text)")
      #expect(location.keyFileName == vector.string("key_file_name"), "\(text)")
      try expectHost(location, vector, text)
    }
  }

  private func expectHost(_ location: Location, _ vector: JSONValue, _ text: String) throws {
    guard case .ssh(let user, let host, let port) = location.host else {
      #expect(vector.string("proto") == "file", "\(text)")
      let absolute = try Files.absolute(Array((vector.string("path") ?? "").utf8))
      #expect(location.canonicalPath == String(decoding: absolute, as: UTF8.self))
      return
    }
    #expect(vector.string("proto") == "ssh", "\(text)")
    #expect(user == vector.string("user"), "\(text)")
    #expect(host == vector.string("host"), "\(text)")
    #expect(port.map { .int(Int64($0)) } ?? .null == vector["port"], "\(text)")
    #expect(location.canonicalPath == vector.string("canonical_path"), "\(text)")
  }

  @Test(arguments: [
    ("dir:x", "ssh dir x"), ("./dir:x", "local dir:x"), ("/a:b", "local /a:b"), ("host:", "local host:"),
    ("C:x", "ssh C x"), ("a:b:c", "ssh a b:c"), ("rel/with:colon", "local rel/with:colon"),
    ("file://relative/r", "local relative/r"), ("ssh://h:0/x", "ssh h /x"), ("u@h@i:x", "ssh h@i x"),
    ("a::b::c", "local a archive b::c"), ("/r:::a", "local /r archive :a"), ("//x", nil), ("ssh://h:/x", nil),
    ("ssh://u:p@h/x", nil), ("ssh://h", nil), ("ssh://h/", nil), ("repo::", nil), ("repo::a/b", nil), (":x", nil),
  ])
  func `odd locations are what Borg takes them for`(text: String, expected: String?) {
    #expect(parse(text).map(describe) == expected)
  }

  @Test(arguments: [
    ("", "local /default"), ("::", "local /default"), ("::arch", "local /default archive arch"),
    ("other", "local other"), ("::a/b", nil),
  ])
  func `the default repository stands in for an empty one`(text: String, expected: String?) {
    let location = Location(parsing: Array(text.utf8), defaultRepository: Array("/default::ignored".utf8))
    #expect(location.map(describe) == expected)
  }

  @Test func `without a default, empty text is no location`() {
    #expect(parse("") == nil)
    #expect(parse("::a") == nil)
  }

  @Test func `key file names keep letters of every script and lose bad bytes`() throws {
    let path = Array("/srv/Grüße-".utf8) + [0xff, 0xfe] + Array("x²/".utf8)
    #expect(Location(host: .local, path: path).keyFileName == "srv_Grüße___x²")
  }

  private func parse(_ text: String) -> Location? { Location(parsing: Array(text.utf8), defaultRepository: nil) }

  private func describe(_ location: Location) -> String {
    var text = "local"
    if case .ssh(_, let host, _) = location.host { text = "ssh \(host)" }
    text += " \(String(decoding: location.path, as: UTF8.self))"
    return location.archive.map { "\(text) archive \(String(decoding: $0, as: UTF8.self))" } ?? text
  }
}

extension JSONValue {
  func string(_ key: String) -> String? {
    guard case .string(let text)? = self[key] else { return nil }
    return text
  }
}
