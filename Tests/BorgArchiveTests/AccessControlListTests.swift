import BorgFormat
import BorgSystem
import Testing

@testable import BorgArchive

@Suite struct AccessControlListTests {
  /// user::rw-, user 0 r--, group::r--, an unknown group -w-, mask rw-, other ---; as the kernel gives it.
  private let kernelForm: [UInt8] =
    [2, 0, 0, 0] + [1, 0, 6, 0, 255, 255, 255, 255] + [2, 0, 4, 0, 0, 0, 0, 0] + [4, 0, 4, 0, 255, 255, 255, 255]
    + [8, 0, 2, 0, 0xD2, 0x02, 0x96, 0x49] + [16, 0, 6, 0, 255, 255, 255, 255] + [32, 0, 0, 0, 255, 255, 255, 255]

  @Test func `names stand before numbers and the number follows`() throws {
    let list = try #require(AccessControlList(kernelForm: kernelForm))
    let text = list.text(users: Users(), numericIDs: false)
    #expect(
      String(decoding: text, as: UTF8.self) == """
        user::rw-
        user:root:r--:0
        group::r--
        group:1234567890:-w-:1234567890
        mask::rw-
        other::---
        """)
  }

  @Test func `numeric ids replace names`() throws {
    let list = try #require(AccessControlList(kernelForm: kernelForm))
    let text = String(decoding: list.text(users: Users(), numericIDs: true), as: UTF8.self)
    #expect(text.contains("user:0:r--:0\n"))
  }

  @Test func `text and kernel form are the same list`() throws {
    let list = try #require(AccessControlList(kernelForm: kernelForm))
    for numericIDs in [false, true] {
      let text = list.text(users: Users(), numericIDs: numericIDs)
      let parsed = try #require(AccessControlList(text: text, users: Users(), numericIDs: numericIDs))
      #expect(parsed.kernelForm == kernelForm)
    }
  }

  @Test func `a known name wins over its stored number`() throws {
    let text = Array("user::rw-\nuser:root:r--:4711\ngroup::r--\nmask::r--\nother::---".utf8)
    let byName = try #require(AccessControlList(text: text, users: Users(), numericIDs: false))
    #expect(byName.entries[1].id == 0)
    let byNumber = try #require(AccessControlList(text: text, users: Users(), numericIDs: true))
    #expect(byNumber.entries[1].id == 4711)
  }

  @Test(arguments: [
    "nobody::rwx", "user::rwz", "user:nosuchuser:rwx", "user:nosuchuser:rwx:", "user:nosuchuser:rwx:99999999999",
    "mask:root:rwx", "user",
  ])
  func `malformed text is no list`(_ text: String) {
    #expect(AccessControlList(text: Array(text.utf8), users: Users(), numericIDs: false) == nil)
  }

  @Test(arguments: [[], [1, 0, 0, 0], [2, 0, 0, 0, 1], [2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]] as [[UInt8]])
  func `malformed kernel forms are no list`(_ bytes: [UInt8]) {
    #expect(AccessControlList(kernelForm: bytes) == nil)
  }

  @Test func `a mode is three entries`() {
    let list = AccessControlList(mode: 0o100640)
    #expect(
      String(decoding: list.text(users: Users(), numericIDs: false), as: UTF8.self)
        == "user::rw-\ngroup::r--\nother::---")
    #expect(!list.isExtended)
  }
}
