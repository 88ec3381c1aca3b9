import BorgTree
import CFuse
import Glibc

/// The entries of one readdir or readdirplus reply, up to the size the kernel asked for.
struct DirectoryReply: ~Copyable {
  private let request: fuse_req_t
  private let buffer: UnsafeMutableRawBufferPointer
  private var count = 0
  private let withAttributes: Bool

  private static let maximumSize = 1 << 20

  init(_ request: fuse_req_t, size: Int, withAttributes: Bool) {
    self.request = request
    self.withAttributes = withAttributes
    buffer = .allocate(byteCount: max(1, min(size, DirectoryReply.maximumSize)), alignment: 8)
  }

  deinit { buffer.deallocate() }

  /// Adds an entry; false when there is no room left for it.
  mutating func append(_ entry: borrowing TreeEntry) -> Bool {
    let free = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
    let length = add(entry, to: free)
    guard length <= free.count else { return false }
    count += length
    return true
  }

  var isEmpty: Bool { count == 0 }

  func send() {
    fuse_reply_buf(request, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), count)
  }

  private func add(_ entry: borrowing TreeEntry, to free: UnsafeMutableRawBufferPointer) -> Int {
    let name = entry.name.baseAddress?.assumingMemoryBound(to: CChar.self)
    let space = free.baseAddress?.assumingMemoryBound(to: CChar.self)
    let position = off_t(clamping: entry.position)
    if withAttributes {
      var parameters = fuse_entry_param(entry.attributes)
      return cfuse_add_entry(request, space, free.count, name, entry.name.count, nil, &parameters, position)
    }
    var status = stat()
    status.st_ino = UInt(entry.attributes.inode)
    status.st_mode = entry.attributes.mode
    return cfuse_add_entry(request, space, free.count, name, entry.name.count, &status, nil, position)
  }
}
