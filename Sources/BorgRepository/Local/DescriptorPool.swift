import BorgSystem
import Glibc

/// Open segment files for reading, the longest unused given up first. A file that somebody still reads stays open
/// until they are done.
struct DescriptorPool {
  private var slots: [Int: (file: File, lastUse: UInt64)] = [:]
  private var clock: UInt64 = 0
  private let capacity: Int

  init(capacity: Int = 90) {
    self.capacity = capacity
  }

  mutating func file(_ segment: Int, path: () -> [UInt8]) throws -> File {
    clock += 1
    if let file = slots[segment]?.file {
      slots[segment]?.lastUse = clock
      return file
    }
    if slots.count >= capacity { forgetOldest() }
    let file = try File.open(path(), O_RDONLY)
    slots[segment] = (file, clock)
    return file
  }

  mutating func forget(_ segment: Int) {
    slots[segment] = nil
  }

  mutating func forgetAll() {
    slots.removeAll()
  }

  private mutating func forgetOldest() {
    if let oldest = slots.min(by: { $0.value.lastUse < $1.value.lastUse }) { slots[oldest.key] = nil }
  }
}
