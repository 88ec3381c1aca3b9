/// Items to and from their packed form (archives.md sections 1 and 5).
///
/// The three readers share the rules of `MessagePackReader+Item.swift`. Each returns nil when `bytes` ends inside the
/// item, and throws a `FormatError` that says how many bytes to skip when the item is whole msgpack all the same.
public enum ItemCodec {
  /// The item keys of Borg 1.4, sorted: what a manifest lists as `item_keys`.
  public static let knownKeys: [[UInt8]] = [
    "acl_access", "acl_default", "acl_extended", "acl_nfs4", "atime", "birthtime", "bsdflags", "chunks",
    "chunks_healthy", "ctime", "gid", "group", "hardlink_master", "mode", "mtime", "part", "path", "rdev", "size",
    "source", "uid", "user", "xattrs",
  ].map { Array($0.utf8) }

  /// No item is longer, in bytes: what Borg's own unpacker buffers at most.
  public static let maximumItemSize = 100 * 1024 * 1024

  /// Decodes one item at the start of `bytes`; nil when `bytes` ends inside it (feed more). Throws `FormatError` for
  /// anything that is not an item: a wrong type, a missing or empty path, a number out of range, too deep a nesting.
  public static func decode(_ bytes: UnsafeRawBufferPointer) throws -> (item: Item, byteCount: Int)? {
    try read(bytes) { reader throws(MessagePackReader.Failure) in
      var item = Item(path: [])
      for _ in 0..<(try reader.readMapHeader()) { try item.readField(&reader) }
      guard !item.path.isEmpty else { throw .malformed("item has no path") }
      return item
    }.map { ($0.value, $0.byteCount) }
  }

  /// Like `decode`, but only skims what a tree needs. The summary's buffers point into `bytes`.
  public static func skim(
    _ bytes: UnsafeRawBufferPointer, at location: ItemLocation
  ) throws -> (summary: ItemSummary, byteCount: Int)? {
    try read(bytes) { reader throws(MessagePackReader.Failure) in
      var skim = ItemSkim(location: location)
      for _ in 0..<(try reader.readMapHeader()) { try skim.readField(&reader) }
      return try skim.finished()
    }.map { ($0.value, $0.byteCount) }
  }

  /// The entries of a stored list of chunks.
  public static func chunkList(_ bytes: UnsafeRawBufferPointer) throws -> [ChunkListEntry] {
    try read(bytes) { reader throws(MessagePackReader.Failure) in try reader.readChunkList() ?? [] }?.value ?? []
  }

  /// Calls `body` for each entry of the item's top-level `chunks`; returns the item's length, nil when incomplete.
  /// The cache synchroniser's fast path: nothing else is decoded.
  ///
  /// An item that turns out to be incomplete or malformed has had none of its entries handed over.
  public static func forEachChunk(
    _ bytes: UnsafeRawBufferPointer, _ body: (ChunkListEntry) -> Void
  ) throws -> Int? {
    try read(bytes) { reader throws(MessagePackReader.Failure) in
      var listStart: Int?
      for _ in 0..<(try reader.readMapHeader()) {
        guard case .chunks = try reader.readItemKey() else {
          try reader.skipValue()
          continue
        }
        let start = reader.offset
        try reader.readChunkList { _ in }
        listStart = start
      }
      guard let start = listStart else { return }
      var again = MessagePackReader(bytes, offset: start)
      try again.readChunkList(body)
    }?.byteCount
  }

  /// Runs `body` on the item at the start of `bytes` and sorts what it throws: incomplete, or malformed.
  @inline(__always)
  private static func read<Value>(
    _ bytes: UnsafeRawBufferPointer, _ body: (inout MessagePackReader) throws(MessagePackReader.Failure) -> Value
  ) throws -> (value: Value, byteCount: Int)? {
    var reader = MessagePackReader(bytes)
    do throws(MessagePackReader.Failure) {
      return (try body(&reader), reader.offset)
    } catch {
      try check(error, in: bytes)
      return nil
    }
  }

  /// Returns when more bytes might complete the item.
  private static func check(_ failure: MessagePackReader.Failure, in bytes: UnsafeRawBufferPointer) throws {
    var reader = MessagePackReader(bytes)
    do throws(MessagePackReader.Failure) {
      try reader.skipValue()
    } catch {
      guard error == .truncated else { throw failure.formatError }
      guard bytes.count < maximumItemSize else { throw FormatError("item is too large") }
      return
    }
    throw FormatError(failure.formatError.description, skippableByteCount: reader.offset)
  }
}
