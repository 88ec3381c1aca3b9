import BorgFormat

/// Where trees get what they show: the seam between BorgTree and the archives. Thread-safe.
public protocol TreeSource: AnyObject, Sendable {
  /// The archives to show, in order.
  func archives() throws(TreeError) -> [TreeArchive]
  /// The archives to show from now on when they are not those that were asked for last; nil: they still are. Called
  /// often, so it may answer nil without having looked.
  func changedArchives() -> [TreeArchive]?
  /// All archives that there are, shown or not, by their ids; nil: that cannot be told.
  var storedArchives: Set<ChunkID>? { get }
  /// Calls `body` with each item of the archive, in archive order, as its stream is skimmed.
  func forEachItem(in archive: TreeArchive, _ body: (borrowing ItemSummary) throws(TreeError) -> Void) throws(TreeError)
  /// The chunks that the archive's item stream is made of; nil: there are none to be had.
  func streamChunks(of archive: TreeArchive) throws(TreeError) -> [ChunkID]?
  func streamChunk(_ id: ChunkID) throws(TreeError) -> [UInt8]
  /// Fetches chunks of item streams ahead and in parallel; `body` gets what `decode` made of them, in order.
  func forEachStreamChunk(
    _ ids: [ChunkID], decode: @escaping @Sendable (UnsafeRawBufferPointer) -> MetadataBlock,
    _ body: (MetadataBlock) throws(TreeError) -> Void
  ) throws(TreeError)
  /// The most bytes of decoded metadata to keep.
  var metadataBytes: Int { get }
  /// Where blocks are kept for other processes; nil: nowhere.
  var index: (any TreeIndex)? { get }
  /// The whole item at a location.
  func item(in archive: TreeArchive, at location: ItemLocation) throws(TreeError) -> Item
  /// How many of the bytes in these chunks of a file are in holes.
  func holeBytes(of chunks: [ChunkListEntry]) -> Int64
  /// The item's bytes, ready to be read.
  func content(of item: Item) throws(TreeError) -> any TreeContent
  /// The same, told where the item lies, so that its neighbours can be made ready.
  func content(of item: Item, in archive: TreeArchive, at location: ItemLocation) throws(TreeError) -> any TreeContent
  /// The name of the machine the archive was made on.
  func host(of archive: TreeArchive) throws(TreeError) -> [UInt8]
  /// The kernel's form of a stored ACL; nil when it is malformed, or says no more than a mode does.
  func accessControlList(_ text: [UInt8], byDefault: Bool) -> [UInt8]?
  /// The local id of a stored user or group name; nil when there is none, or when names do not count.
  func userID(_ name: UnsafeRawBufferPointer) -> UInt32?
  func groupID(_ name: UnsafeRawBufferPointer) -> UInt32?
  /// Whether all items are selected by the mount's patterns.
  var selectsEverything: Bool { get }
  /// Whether the item called this is selected by the mount's patterns.
  func isSelected(_ path: UnsafeRawBufferPointer) -> Bool
  /// All of an archive was read, and what that has taken beside the tree is free again.
  func noteArchiveRead()
  /// Something an archive holds cannot be shown.
  func warn(_ message: String)
}

extension TreeSource {
  public func host(of archive: TreeArchive) throws(TreeError) -> [UInt8] { [] }

  public func content(
    of item: Item, in archive: TreeArchive, at location: ItemLocation
  ) throws(TreeError) -> any TreeContent { try content(of: item) }

  public func holeBytes(of chunks: [ChunkListEntry]) -> Int64 { 0 }

  /// How many of the bytes of an item that is a file are in holes.
  func holeBytes(of item: borrowing ItemSummary) -> Int64 {
    guard item.chunksWithHoles.baseAddress != nil, item.mode & FileType.mask == FileType.regular,
      let chunks = try? ItemCodec.chunkList(item.chunksWithHoles)
    else { return item.holeBytes }
    return max(0, min(item.size, holeBytes(of: chunks)))
  }

  public func accessControlList(_ text: [UInt8], byDefault: Bool) -> [UInt8]? { nil }

  public func changedArchives() -> [TreeArchive]? { nil }

  public var storedArchives: Set<ChunkID>? { nil }

  public func streamChunks(of archive: TreeArchive) throws(TreeError) -> [ChunkID]? { nil }

  public func streamChunk(_ id: ChunkID) throws(TreeError) -> [UInt8] { throw .ioFailed("no stream of items") }

  public func forEachStreamChunk(
    _ ids: [ChunkID], decode: @escaping @Sendable (UnsafeRawBufferPointer) -> MetadataBlock,
    _ body: (MetadataBlock) throws(TreeError) -> Void
  ) throws(TreeError) {
    for id in ids {
      let chunk = try streamChunk(id)
      try body(chunk.withUnsafeBytes(decode))
    }
  }

  public var selectsEverything: Bool { true }

  public func noteArchiveRead() {}

  public var metadataBytes: Int { 64 << 20 }

  public var index: (any TreeIndex)? { nil }
}

/// The bytes of one open file. Thread-safe.
public protocol TreeContent: AnyObject, Sendable {
  /// The length in bytes.
  var size: Int64 { get }
  /// Up to `count` bytes from `offset` on, in pieces that are held already; fewer only at the file's end.
  func bytes(at offset: Int64, count: Int) throws(TreeError) -> [ArraySlice<UInt8>]
  /// All the file's bytes where none of them would have to be waited for. They are hardly asked for again.
  func bytesAtHand() -> [ArraySlice<UInt8>]?
  /// The first place at or after `offset` where data is, or where a hole is; the file's end counts as a hole. Nil: there
  /// is none, or `offset` lies outside the file.
  func next(_ kind: ExtentKind, from offset: Int64) -> Int64?
}

/// What a part of a file is made of: bytes, or nothing but zeros that take no space.
public enum ExtentKind: Sendable { case data, hole }

extension TreeContent {
  public func bytesAtHand() -> [ArraySlice<UInt8>]? { nil }

  /// As of a file without holes.
  public func next(_ kind: ExtentKind, from offset: Int64) -> Int64? {
    guard offset >= 0, offset < size else { return nil }
    return kind == .data ? offset : size
  }
}

/// One archive as a tree source names it.
public struct TreeArchive: Sendable, Hashable {
  public var name: [UInt8]
  public var id: ChunkID
  /// Start time in nanoseconds since 1970.
  public var start: Int64

  public init(name: [UInt8], id: ChunkID, start: Int64) {
    self.name = name
    self.id = id
    self.start = start
  }
}
