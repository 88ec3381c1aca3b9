/// Requests on their way into the pipe, first in first out.
struct OutgoingBuffer {
  private var frames: [[UInt8]] = []
  private var head = 0
  /// How much of the first one is gone.
  private var offset = 0
  private(set) var byteCount = 0
  /// A thread writes outside of the lock: nobody else may.
  var isBusy = false

  var isEmpty: Bool { byteCount == 0 }

  mutating func append(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    frames.append(bytes)
    byteCount += bytes.count
  }

  /// The first bytes that are still to be written, at most `limit`.
  func withNext<R>(limit: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R? {
    guard head < frames.count else { return nil }
    return frames[head].withUnsafeBytes { bytes in
      let rest = bytes[offset...]
      return body(UnsafeRawBufferPointer(rebasing: rest.prefix(limit)))
    }
  }

  /// The first frame and where its unwritten part begins, for writing outside of the lock.
  var next: (frame: [UInt8], offset: Int)? {
    head < frames.count ? (frames[head], offset) : nil
  }

  mutating func removeFirst(_ count: Int) {
    offset += count
    byteCount -= count
    guard offset == frames[head].count else { return }
    frames[head] = []
    head += 1
    offset = 0
    if head == frames.count {
      frames.removeAll(keepingCapacity: true)
      head = 0
    }
  }
}
