/// Items to and from their packed form (archives.md sections 1 and 5).
public enum ItemCodec {
  /// The item keys of Borg 1.4, sorted: what a manifest lists as `item_keys`.
  public static let knownKeys: [[UInt8]] = [
    "acl_access", "acl_default", "acl_extended", "acl_nfs4", "atime", "birthtime", "bsdflags", "chunks",
    "chunks_healthy", "ctime", "gid", "group", "hardlink_master", "mode", "mtime", "part", "path", "rdev", "size",
    "source", "uid", "user", "xattrs",
  ].map { Array($0.utf8) }

  /// Appends the packed item, keys sorted, old msgpack dialect.
  public static func encode(_ item: Item, into output: inout [UInt8]) {
    fatalError("contract: BorgFormat")
  }

  /// Decodes one item at the start of `bytes`; nil when `bytes` ends inside it (feed more). Throws `FormatError` for
  /// anything that is not an item: a wrong type, a missing or empty path, a number out of range, too deep a nesting.
  public static func decode(_ bytes: UnsafeRawBufferPointer) throws -> (item: Item, byteCount: Int)? {
    fatalError("contract: BorgFormat")
  }

  /// Like `decode`, but only skims what a tree needs. The summary's buffers point into `bytes`.
  public static func skim(
    _ bytes: UnsafeRawBufferPointer, at location: ItemLocation
  ) throws -> (summary: ItemSummary, byteCount: Int)? {
    fatalError("contract: BorgFormat")
  }

  /// Calls `body` for each entry of the item's top-level `chunks`; returns the item's length, nil when incomplete.
  /// The cache synchroniser's fast path: nothing else is decoded.
  public static func forEachChunk(
    _ bytes: UnsafeRawBufferPointer, _ body: (ChunkListEntry) -> Void
  ) throws -> Int? {
    fatalError("contract: BorgFormat")
  }
}
