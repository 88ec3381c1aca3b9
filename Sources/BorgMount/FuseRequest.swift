import BorgTree
import CFuse
import Glibc

/// One request of the kernel, waiting for its answer. Every reply consumes it, so it is answered exactly once; one
/// that is dropped answers EIO.
struct FuseRequest: ~Copyable {
  private let request: fuse_req_t

  init(_ request: fuse_req_t) { self.request = request }

  deinit { fuse_reply_err(request, EIO) }

  consuming func reply(_ error: TreeErrno) {
    fuse_reply_err(request, error.code)
    discard self
  }

  /// Answers what only wants to be acknowledged.
  consuming func replySuccess() {
    fuse_reply_err(request, 0)
    discard self
  }

  /// Answers `forget`, which the kernel does not wait for.
  consuming func replyNothing() {
    fuse_reply_none(request)
    discard self
  }

  consuming func reply(entry attributes: Attributes) {
    var entry = fuse_entry_param(attributes)
    fuse_reply_entry(request, &entry)
    discard self
  }

  /// There is no such name, and there never will be.
  consuming func replyNoEntry() {
    var entry = fuse_entry_param()
    entry.entry_timeout = CacheLifetime.endless
    fuse_reply_entry(request, &entry)
    discard self
  }

  consuming func reply(attributes: Attributes) {
    var status = stat(attributes)
    fuse_reply_attr(request, &status, CacheLifetime.ofAttributes(attributes))
    discard self
  }

  /// Answers `readlink`.
  consuming func reply(linkTarget: [UInt8]) {
    var text = linkTarget.map { CChar(bitPattern: $0) }
    text.append(0)
    fuse_reply_readlink(request, text)
    discard self
  }

  /// Answers `read` with the pieces one after the other, from where they lie.
  consuming func reply(_ pieces: [ArraySlice<UInt8>]) {
    if pieces.count <= FuseRequest.maximumPieces {
      FuseRequest.send(pieces[...], [], to: request)
    } else {
      FuseRequest.send([Array(pieces.joined())[...]], [], to: request)
    }
    discard self
  }

  private static let maximumPieces = 16

  /// Sends `vectors` and then the pieces, each of which is held by a call of its own.
  private static func send(_ pieces: ArraySlice<ArraySlice<UInt8>>, _ vectors: [iovec], to request: fuse_req_t) {
    guard let piece = pieces.first else {
      fuse_reply_iov(request, vectors, Int32(vectors.count))
      return
    }
    piece.withUnsafeBytes { bytes in
      let vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
      send(pieces.dropFirst(), vectors + [vector], to: request)
    }
  }

  /// Answers getxattr and listxattr: with `size` 0 the caller asks for the length.
  consuming func reply(attribute bytes: [UInt8], size: Int) {
    if size == 0 {
      fuse_reply_xattr(request, bytes.count)
    } else if bytes.count > size {
      fuse_reply_err(request, ERANGE)
    } else {
      _ = bytes.withUnsafeBytes {
        fuse_reply_buf(request, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
      }
    }
    discard self
  }

  /// Answers `open`. False: the caller has gone, and there will be no `release`.
  consuming func reply(open file: UnsafeMutablePointer<fuse_file_info>, handle: UInt64) -> Bool {
    let result = cfuse_reply_open_cached(request, file, handle)
    discard self
    return result == 0
  }

  /// Answers `lseek`.
  consuming func reply(position: Int64) {
    fuse_reply_lseek(request, off_t(position))
    discard self
  }

  consuming func reply(_ status: statvfs) {
    var status = status
    fuse_reply_statfs(request, &status)
    discard self
  }

  /// Calls `body` with a directory reply of up to `size` bytes, then sends it.
  consuming func replyEntries(
    size: Int, withAttributes: Bool, _ body: (inout DirectoryReply) throws(TreeError) -> Void
  ) {
    var reply = DirectoryReply(request, size: size, withAttributes: withAttributes)
    do throws(TreeError) {
      try body(&reply)
      reply.send()
    } catch  where reply.isEmpty {
      fuse_reply_err(request, TreeErrno(error).code)
    } catch {
      // Whoever asks for the rest hears of it.
      reply.send()
    }
    discard self
  }
}

/// How long the kernel may believe what it was told, in seconds: archives do not change, but they come and go.
enum CacheLifetime {
  static let endless = 31_536_000.0
  static let brief = 1.0

  static func ofName(_ attributes: Attributes) -> Double { attributes.mayVanish ? brief : endless }

  static func ofAttributes(_ attributes: Attributes) -> Double {
    attributes.areFinal ? ofName(attributes) : 0
  }
}

extension fuse_entry_param {
  init(_ attributes: Attributes) {
    self.init()
    ino = attributes.inode
    // The kernel makes the root itself, with none.
    generation = attributes.inode == UInt64(FUSE_ROOT_ID) ? 0 : UInt64(attributes.generation)
    attr = stat(attributes)
    entry_timeout = CacheLifetime.ofName(attributes)
    attr_timeout = CacheLifetime.ofAttributes(attributes)
  }
}

extension stat {
  init(_ attributes: Attributes) {
    self.init()
    st_ino = UInt(attributes.inode)
    st_mode = attributes.mode
    st_nlink = nlink_t(attributes.linkCount)
    st_uid = attributes.uid
    st_gid = attributes.gid
    st_rdev = UInt(attributes.rdev)
    st_size = Int(attributes.size)
    st_blksize = 512
    st_blocks = Int(attributes.blockCount)
    st_mtim = timespec(nanoseconds: attributes.mtime)
    st_atim = timespec(nanoseconds: attributes.atime)
    st_ctim = timespec(nanoseconds: attributes.ctime)
  }
}

extension timespec {
  init(nanoseconds: Int64) {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    self =
      rest < 0
      ? timespec(tv_sec: Int(seconds) - 1, tv_nsec: Int(rest) + 1_000_000_000)
      : timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
  }
}
