import Glibc

/// The memory of a block's image: pages of its own for all but small ones. Blocks are made by threads that come and go,
/// and given up by others; in the allocator's heaps, one for each thread, what lies between them would keep their memory
/// from being used again.
struct ImageMemory: ~Copyable {
  let bytes: UnsafeMutableRawBufferPointer
  private let isMapped: Bool

  private static let smallestMapping = 32 << 10

  init(byteCount: Int) {
    let pages =
      byteCount < ImageMemory.smallestMapping
      ? MAP_FAILED : mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if let pages, pages != MAP_FAILED {
      bytes = UnsafeMutableRawBufferPointer(start: pages, count: byteCount)
      isMapped = true
    } else {
      bytes = .allocate(byteCount: byteCount, alignment: 64)
      isMapped = false
    }
  }

  deinit {
    if isMapped { munmap(bytes.baseAddress, bytes.count) } else { bytes.deallocate() }
  }
}
