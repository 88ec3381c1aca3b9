import BorgSystem
import BorgTesting
import Glibc
import Testing

@Suite struct FilesTests {
  let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
  }

  @Test func `errors about two paths quote each`() {
    var error = SystemError(code: ENOENT, path: Array("it's".utf8))
    error.target = Array("there".utf8)
    #expect(error.description == "[Errno 2] No such file or directory: \"it's\" -> 'there'")
  }

  @Test func `replace leaves the new content and no temporary file`() throws {
    try Files.replace(folder.path("config"), with: Array("old".utf8))
    try Files.replace(folder.path("config"), with: Array("new".utf8))
    #expect(try Files.read(folder.path("config")) == Array("new".utf8))
    #expect(try Files.names(in: Array(folder.path.utf8)) == [Array("config".utf8)])
  }

  @Test func `a missing file says so in Python's words`() throws {
    let error = #expect(throws: SystemError.self) { try Files.read(folder.path("none")) }
    #expect(error?.description == "[Errno 2] No such file or directory: '\(folder.path)/none'")
  }

  @Test func `a path with a NUL is refused`() {
    #expect(throws: SystemError(code: EINVAL, path: [0x61, 0, 0x62])) { try Files.status([0x61, 0, 0x62]) }
  }

  @Test func `reading more than the limit is refused`() throws {
    try Files.replace(folder.path("big"), with: [UInt8](repeating: 1, count: 100))
    #expect(try Files.read(folder.path("big"), limit: 100).count == 100)
    #expect(throws: SystemError(code: EFBIG, path: folder.path("big"))) {
      try Files.read(folder.path("big"), limit: 99)
    }
  }

  @Test func `absolute normalises without resolving links`() throws {
    #expect(try Files.absolute(Array("/a/./b/../c//d/".utf8)) == Array("/a/c/d".utf8))
    #expect(try Files.absolute(Array("//a".utf8)) == Array("//a".utf8))
    #expect(try Files.absolute(Array("/..".utf8)) == Array("/".utf8))
  }

  @Test func `vectors of buffers are written whole and in order`() throws {
    let file = try File.open(folder.path("v"), O_RDWR | O_CREAT)
    let parts = (0..<3000).map { [UInt8](repeating: UInt8($0 & 255), count: $0 % 7) }
    try withExtendedLifetime(parts) {
      let buffers = parts.map { part in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: part.count, alignment: 1)
        copy.copyBytes(from: part)
        return UnsafeRawBufferPointer(copy)
      }
      try file.writeVector(buffers)
      for buffer in buffers { buffer.deallocate() }
    }
    #expect(try Files.read(folder.path("v")) == parts.flatMap { $0 })
  }

  @Test func `where no directory can be made there is an error, not an endless search for a parent`() throws {
    #expect(throws: SystemError.self) { try Files.makeDirectories(Array("/proc/nowhere/at/all".utf8)) }
  }
}
