import BorgFormat
import BorgObjects
import BorgSystem
import CLinux
import Glibc

/// Reads a file's content into the street's arenas and cuts it where the chunker says. Not for two threads.
final class ContentReader {
  private let builder: BatchBuilder
  private let parameters: ChunkerParameters
  private let buzhash: BuzHashChunker?
  private let sparse: Bool
  private let interruption: Interruption
  /// A file of at most so many bytes is one chunk, whatever is in it.
  private let singleChunkLimit: Int
  /// Read since the kernel's pages were last given back.
  private var bytesToForget = 0
  private static let bytesToForgetAtOnce = 16 << 20

  init(
    _ parameters: ChunkerParameters, seed: Int32, sparse: Bool, builder: BatchBuilder, interruption: Interruption
  ) {
    self.builder = builder
    self.parameters = parameters
    self.sparse = sparse
    self.interruption = interruption
    switch parameters {
    case .buzhash(let minimum, _, _, let window):
      buzhash = BuzHashChunker(parameters, seed: seed)
      singleChunkLimit = 1 << minimum + window
    case .fixed(let block, let header):
      buzhash = nil
      singleChunkLimit = header == 0 ? block : 0
    }
  }

  /// The arena size that `parameters` ask for.
  static func arenaSize(_ parameters: ChunkerParameters) -> Int {
    switch parameters {
    case .buzhash(_, let maximum, _, _): max(16 << 20, 2 << maximum)
    case .fixed(let block, _): max(16 << 20, 2 * block)
    }
  }

  /// Reads a small file whole, ahead of the records that tell of it. Nil: larger than one chunk, or not sure to be at
  /// its end; nothing is kept then and the file's position is at the start again.
  func readSmall(_ descriptor: Int32, size: Int64) throws -> Int? {
    guard size >= 0, size < min(singleChunkLimit, 1 << 20), !sparse else { return nil }
    let limit = Int(size) + 1
    let room = UnsafeMutableRawBufferPointer(rebasing: try builder.room(atLeast: limit)[0..<limit])
    // A regular file's short read is its end: no second call to learn that.
    var count = Glibc.read(descriptor, room.baseAddress, limit)
    if count == Int(size) { return count }
    count = max(count, 0)
    count += try fill(UnsafeMutableRawBufferPointer(rebasing: room[count...]), from: descriptor)
    if count < limit { return count }
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw BackupProblem.last("read") }
    return nil
  }

  /// Hands on what `readSmall` read.
  func emitSmall(_ count: Int) throws {
    if count > 0 { try builder.chunk(taking: count) }
  }

  /// Fills the memory, unless its content ends before; returns the bytes read.
  typealias Source = (UnsafeMutableRawBufferPointer) throws -> Int

  /// Reads a content of known size from anywhere and hands on its chunks as they are cut.
  func read(size: Int64, from source: Source) throws {
    if size > 0, size < min(Int64(singleChunkLimit), 1 << 20) {
      let room = UnsafeMutableRawBufferPointer(rebasing: try builder.room(atLeast: Int(size))[0..<Int(size)])
      try emitSmall(try source(room))
    } else if size > 0, let buzhash {
      try readCutting(buzhash, source)
    } else if size > 0, case .fixed(let block, let header) = parameters {
      if header > 0, try readRange(length: Int64(header), block: block, source) { return }
      _ = try readRange(length: .max, block: block, source)
    }
  }

  /// Reads to the end of the file and hands on its chunks as they are cut.
  func read(_ descriptor: Int32) throws {
    defer { forget(descriptor) }
    if let buzhash {
      try readCutting(buzhash) { try fill($0, from: descriptor) }
    } else if case .fixed(let block, let header) = parameters {
      try readBlocks(descriptor, block: block, header: header)
    }
  }

  /// Fills an arena, cuts what can be cut, and carries the rest over into the next arena.
  private func readCutting(_ chunker: BuzHashChunker, _ source: Source) throws {
    var room = try builder.room(atLeast: min(1 << 20, builder.arenaSize))
    var filled = 0
    var isEnd = false
    while true {
      if !isEnd, filled < room.count {
        let wanted = UnsafeMutableRawBufferPointer(rebasing: room[filled...])
        let count = try source(wanted)
        filled += count
        isEnd = count < wanted.count
      }
      while filled > 0,
        let cut = chunker.firstCut(UnsafeRawBufferPointer(rebasing: room[0..<filled]), isEnd: isEnd)
      {
        try builder.chunk(taking: cut)
        room = UnsafeMutableRawBufferPointer(rebasing: room[cut...])
        filled -= cut
      }
      if isEnd { return }
      room = try builder.carryOver(UnsafeRawBufferPointer(rebasing: room[0..<filled]))
    }
  }

  private func readBlocks(_ descriptor: Int32, block: Int, header: Int) throws {
    if header > 0, try readRange(descriptor, length: Int64(header), block: block) { return }
    guard sparse, let size = FileStatus(of: descriptor)?.size, try readSparse(descriptor, from: header, size, block)
    else {
      _ = try readRange(descriptor, length: .max, block: block)
      return
    }
  }

  /// Data and hole ranges as the file system reports them. False when it cannot seek: nothing was read then.
  private func readSparse(_ descriptor: Int32, from header: Int, _ size: Int64, _ block: Int) throws -> Bool {
    var offset = off_t(header)
    guard lseek(descriptor, offset, Int32(CLINUX_SEEK_DATA)) >= 0 || errno == ENXIO else { return false }
    while true {
      let data = lseek(descriptor, offset, Int32(CLINUX_SEEK_DATA))
      if data < 0 {
        guard errno == ENXIO else { throw BackupProblem.last("read") }
        try emitZeros(size - Int64(offset), block: block)
        return true
      }
      try emitZeros(Int64(data - offset), block: block)
      let dataEnd = lseek(descriptor, data, Int32(CLINUX_SEEK_HOLE))
      guard dataEnd >= 0, lseek(descriptor, data, SEEK_SET) == data else { throw BackupProblem.last("read") }
      if try readRange(descriptor, length: Int64(dataEnd - data), block: block) { return true }
      offset = dataEnd
    }
  }

  private func emitZeros(_ length: Int64, block: Int) throws {
    var left = length
    while left > 0 {
      let count = Int(min(left, Int64(block)))
      try builder.zeros(count)
      left -= Int64(count)
    }
  }

  private func readRange(_ descriptor: Int32, length: Int64, block: Int) throws -> Bool {
    try readRange(length: length, block: block) { try fill($0, from: descriptor) }
  }

  /// Reads up to `length` bytes in pieces of `block`; true when the content ended before.
  private func readRange(length: Int64, block: Int, _ source: Source) throws -> Bool {
    var left = length
    while left > 0 {
      let wanted = Int(min(left, Int64(block)))
      let room = try builder.room(atLeast: wanted)
      let count = try source(UnsafeMutableRawBufferPointer(rebasing: room[0..<wanted]))
      if count > 0 { try builder.chunk(taking: count) }
      if count < wanted { return true }
      left -= Int64(count)
    }
    return false
  }

  /// Reads until the buffer is full or the file ends; looks for an abort between pieces.
  private func fill(_ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32) throws -> Int {
    guard let start = buffer.baseAddress else { return 0 }
    var done = 0
    while done < buffer.count {
      let count = Glibc.read(descriptor, start + done, min(buffer.count - done, 4 << 20))
      if count == 0 { break }
      if count > 0 {
        done += count
      } else if errno != EINTR {
        throw BackupProblem.last("read")
      }
      if interruption.isAbortRequested { throw Interruption.Aborted() }
    }
    bytesToForget += done
    if bytesToForget >= Self.bytesToForgetAtOnce { forget(descriptor) }
    return done
  }

  /// Gives the kernel's pages of what was read back: a backup must not push out what others work with.
  private func forget(_ descriptor: Int32) {
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    bytesToForget = 0
  }
}
