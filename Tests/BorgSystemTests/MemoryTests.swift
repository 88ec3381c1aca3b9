import Testing

@testable import BorgSystem

@Suite struct MemoryTests {
  @Test func `there is some`() {
    #expect(Memory.availableBytes() > 1 << 20)
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
