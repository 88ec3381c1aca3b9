import Glibc
import Testing

@testable import BorgSystem

@Suite struct MemoryTests {
  @Test func `there is some`() {
    #expect(Memory.availableBytes() > 1 << 20)
  }

  @Test func `what was freed is given back`() throws {
    let blocks = (0..<65_536).compactMap { _ in malloc(4096) }
    for block in blocks { memset(block, 1, 4096) }
    // The last one keeps the allocator from shortening its heap by itself.
    for block in blocks.dropLast() { free(block) }
    let before = try residentPages()
    Memory.giveBack()
    // Other tests take some meanwhile.
    #expect(try residentPages() < before - 32_768)
    free(blocks[blocks.count - 1])
  }

  private func residentPages() throws -> Int {
    let text = String(decoding: try Files.read(Array("/proc/self/statm".utf8)), as: UTF8.self)
    return try #require(Int(text.split(separator: " ")[1]))
  }

  @Test(arguments: [
    ("0::/a/b\n", ["/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "4096\n"], 4096),
    ("0::/a\n", ["/sys/fs/cgroup/a/memory.max": "8192\n", "/sys/fs/cgroup/a/memory.high": "4096\n"], 4096),
    ("0::/\n", ["/sys/fs/cgroup/memory.max": "70\n"], 70),
    ("4:cpu,memory:/x/y\n0::/\n", ["/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "12\n"], 12),
    // What is seen in a container whose groups have other names outside.
    ("4:memory:/docker/1\n", ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "5\n"], 5),
  ]) func `the lowest limit counts`(groups: String, files: [String: String], limit: Int) {
    #expect(Memory.controlGroupLimit(groups) { files[$0] } == limit)
  }

  @Test(arguments: ["", "0::/a\n", "junk", "0::", "3:cpu:/a\n"]) func `without one there is none`(groups: String) {
    #expect(Memory.controlGroupLimit(groups) { $0.hasSuffix("/cpu/a/memory.max") ? "1" : "max" } == nil)
    #expect(Memory.controlGroupLimit(groups) { _ in nil } == nil)
  }
}
