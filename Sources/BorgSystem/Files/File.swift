import Glibc
import Synchronization

/// An open file descriptor that closes itself. Every call throws `SystemError` and retries on EINTR.
public final class File: Sendable {
  public let path: [UInt8]
  private let state: Atomic<Int32>

  public var descriptor: Int32 { state.load(ordering: .relaxed) }

  public init(descriptor: Int32, path: [UInt8]) {
    state = Atomic(descriptor)
    self.path = path
  }

  deinit {
    let descriptor = state.load(ordering: .relaxed)
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  /// Always with O_CLOEXEC.
  public static func open(_ path: [UInt8], _ flags: Int32, mode: mode_t = 0o666) throws -> File {
    let descriptor = try Files.withPath(path) { name in
      try retrying(path) { Glibc.open(name, flags | O_CLOEXEC, mode) }
    }
    return File(descriptor: descriptor, path: path)
  }

  /// Closes and reports the error that a plain `deinit` would swallow. Idempotent.
  public func close() throws {
    let descriptor = state.exchange(-1, ordering: .relaxed)
    if descriptor >= 0, Glibc.close(descriptor) != 0, errno != EINTR { throw SystemError.last(path) }
  }

  public func size() throws -> Int64 {
    Int64(try status().st_size)
  }

  public func status() throws -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError.last(path) }
    return status
  }

  /// Reads until the buffer is full or the file ends; returns the bytes read.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try fill(buffer) { start, count, _ in Glibc.read(descriptor, start, count) }
  }

  /// Reads at `offset` until the buffer is full or the file ends; leaves the file's position alone.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    try fill(buffer) { start, count, done in pread(descriptor, start, count, off_t(offset) + off_t(done)) }
  }

  private func fill(
    _ buffer: UnsafeMutableRawBufferPointer, _ read: (UnsafeMutableRawPointer, Int, Int) -> Int
  ) throws -> Int {
    guard let start = buffer.baseAddress else { return 0 }
    var done = 0
    while done < buffer.count {
      let count = read(start + done, buffer.count - done, done)
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError.last(path)
      }
      done += count
    }
    return done
  }

  /// The rest of the file. Throws EFBIG when it is longer than `limit` bytes.
  public func readAll(limit: Int = .max) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var wanted = min(max(Int(try size()), 0), limit) &+ 1
    while true {
      let piece = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
        count = try read(into: UnsafeMutableRawBufferPointer(buffer))
      }
      let isLast = piece.count < wanted
      if bytes.isEmpty { bytes = piece } else { bytes += piece }
      guard bytes.count <= limit else { throw SystemError(code: EFBIG, path: path) }
      if isLast { return bytes }
      wanted = 1 << 16
    }
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    guard let start = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, start + done, bytes.count - done)
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError.last(path)
      }
      done += count
    }
  }

  public func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write($0) }
  }

  /// Writes the parts one after another with as few system calls as possible.
  public func writeVector(_ parts: [UnsafeRawBufferPointer]) throws {
    var vector = parts.filter { !$0.isEmpty }.map {
      iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
    }
    var first = 0
    while first < vector.count {
      let written = vector.withUnsafeBufferPointer { buffer -> Int in
        guard let start = buffer.baseAddress else { return 0 }
        return writev(descriptor, start + first, Int32(min(buffer.count - first, 1024)))
      }
      if written < 0 {
        if errno == EINTR { continue }
        throw SystemError.last(path)
      }
      var left = written
      while first < vector.count, left >= vector[first].iov_len {
        left -= vector[first].iov_len
        first += 1
      }
      guard left > 0, let base = vector[first].iov_base else { continue }
      vector[first] = iovec(iov_base: base + left, iov_len: vector[first].iov_len - left)
    }
  }

  public func syncData() throws {
    _ = try retrying { fdatasync(descriptor) }
  }

  public func sync() throws {
    _ = try retrying { fsync(descriptor) }
  }

  private func retrying(_ call: () -> Int32) throws -> Int32 {
    try File.retrying(path, call)
  }

  private static func retrying(_ path: [UInt8], _ call: () -> Int32) throws -> Int32 {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw SystemError.last(path) }
    }
  }
}
