import BorgSystem
import Glibc

/// A large buffer that files are read into; batches hold slices of it, and when the last holder lets go its memory
/// returns to the pool. One thread writes, others read what was written before it was handed to them.
final class Arena: @unchecked Sendable {
  // Safe: the walker writes only behind what it has handed out, and queues order the two.
  let memory: UnsafeMutableRawBufferPointer
  private let pool: ArenaPool

  fileprivate init(_ memory: UnsafeMutableRawBufferPointer, _ pool: ArenaPool) {
    self.memory = memory
    self.pool = pool
  }

  deinit {
    pool.give(memory)
  }
}

/// A fixed number of arenas: what bounds the plain bytes between the walker and the workers.
final class ArenaPool: @unchecked Sendable {
  // Safe: all state is touched under `condition`'s lock.
  private let condition = Condition()
  private var free: [UnsafeMutableRawBufferPointer] = []
  private var unallocated: Int
  private var isClosed = false
  let arenaSize: Int

  init(arenaSize: Int, count: Int) {
    self.arenaSize = arenaSize
    unallocated = count
  }

  deinit {
    for memory in free { memory.deallocate() }
  }

  /// Waits for a free arena; nil once the pool is closed.
  func take() -> Arena? {
    let memory: UnsafeMutableRawBufferPointer? = condition.withLock {
      while free.isEmpty, unallocated == 0, !isClosed { condition.wait() }
      if isClosed { return nil }
      if let memory = free.popLast() { return memory }
      unallocated -= 1
      return .allocate(byteCount: arenaSize, alignment: 4096)
    }
    return memory.map { Arena($0, self) }
  }

  fileprivate func give(_ memory: UnsafeMutableRawBufferPointer) {
    condition.withLock {
      free.append(memory)
      condition.signal()
    }
  }

  /// Lets every waiter go.
  func close() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
    }
  }
}
