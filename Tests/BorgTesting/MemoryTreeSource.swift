import BorgFormat
import BorgTree
import Synchronization

/// A tree source whose archives are written down in the test. Counts how often each archive is read, and can be told
/// to fail or to wait.
public final class MemoryTreeSource: TreeSource {
  /// One item and, for a regular file, its bytes.
  public struct File: Sendable {
    public var item: Item
    public var content: [UInt8]
    public var isAtHand = true
  }

  public struct Contents: Sendable {
    public var archive: TreeArchive
    public var files: [File]
  }

  private struct State {
    var scans: [String: Int] = [:]
    var unreadable: Set<String> = []
    var warnings: [String] = []
    var listings = 0
    var reads: [[UInt8]] = []
    var shown: Set<String>?
    var hasChanged = false
  }

  private let contents: [Contents]
  private let state = Mutex(State())
  private let selects: (@Sendable (String) -> Bool)?
  private let host: @Sendable (TreeArchive) -> [UInt8]
  private let users: [String: UInt32]
  /// Called when an archive begins to be read.
  private let onScan: @Sendable (String) -> Void

  public init(
    _ archives: [(name: String, files: [File])], users: [String: UInt32] = [:],
    selects: (@Sendable (String) -> Bool)? = nil, host: @escaping @Sendable (TreeArchive) -> [UInt8] = { _ in [] },
    onScan: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    contents = archives.enumerated().map { number, archive in
      let id = ChunkID(words: (UInt64(number + 1), UInt64(number + 1), 0, 0))
      let start = Int64(number + 1) * 1_000_000_000
      return Contents(archive: TreeArchive(name: Array(archive.name.utf8), id: id, start: start), files: archive.files)
    }
    self.selects = selects
    self.host = host
    self.users = users
    self.onScan = onScan
  }

  /// How often the archive was read.
  public func scans(of archive: String) -> Int { state.withLock { $0.scans[archive] ?? 0 } }
  /// How often it was asked which archives there are.
  public var listings: Int { state.withLock { $0.listings } }
  /// The paths of the files whose bytes were asked for, in order.
  public var reads: [String] { state.withLock { $0.reads.map { String(decoding: $0, as: UTF8.self) } } }
  public var warnings: [String] { state.withLock { $0.warnings } }
  public func makeUnreadable(_ archive: String) { state.withLock { _ = $0.unreadable.insert(archive) } }
  public func makeReadable(_ archive: String) { state.withLock { _ = $0.unreadable.remove(archive) } }

  /// Only these archives are there from now on.
  public func show(_ names: Set<String>) {
    state.withLock { ($0.shown, $0.hasChanged) = (names, true) }
  }

  public func archives() throws(TreeError) -> [TreeArchive] {
    let shown = state.withLock { state in
      state.listings += 1
      return state.shown
    }
    return contents.map(\.archive).filter { shown?.contains(String(decoding: $0.name, as: UTF8.self)) ?? true }
  }

  public func changedArchives() -> [TreeArchive]? {
    let hasChanged = state.withLock { state in
      defer { state.hasChanged = false }
      return state.hasChanged
    }
    return hasChanged ? try? archives() : nil
  }

  public func forEachItem(
    in archive: TreeArchive, _ body: (borrowing ItemSummary) throws(TreeError) -> Void
  ) throws(TreeError) {
    let name = String(decoding: archive.name, as: UTF8.self)
    let isUnreadable = state.withLock { state in
      state.scans[name, default: 0] += 1
      return state.unreadable.contains(name)
    }
    onScan(name)
    if isUnreadable { throw .ioFailed("archive \(name) is damaged") }
    for (index, file) in try files(archive).enumerated() { try summarize(file, index, body) }
  }

  public func item(in archive: TreeArchive, at location: ItemLocation) throws(TreeError) -> Item {
    let files = try files(archive)
    guard Int(location.offset) < files.count else { throw .ioFailed("no such item") }
    return files[Int(location.offset)].item
  }

  public func content(of item: Item) throws(TreeError) -> any TreeContent {
    for archive in contents {
      guard let file = archive.files.first(where: { $0.item.chunks == item.chunks }) else { continue }
      return MemoryContent(file.content, isAtHand: file.isAtHand) { self.state.withLock { $0.reads.append(item.path) } }
    }
    throw .ioFailed("no content")
  }

  public func host(of archive: TreeArchive) throws(TreeError) -> [UInt8] { host(archive) }
  public func userID(_ name: UnsafeRawBufferPointer) -> UInt32? { users[String(decoding: name, as: UTF8.self)] }
  public func groupID(_ name: UnsafeRawBufferPointer) -> UInt32? { userID(name) }
  public var selectsEverything: Bool { selects == nil }
  public func isSelected(_ path: UnsafeRawBufferPointer) -> Bool {
    selects?(String(decoding: path, as: UTF8.self)) ?? true
  }
  public func warn(_ message: String) { state.withLock { $0.warnings.append(message) } }

  private func files(_ archive: TreeArchive) throws(TreeError) -> [File] {
    for candidate in contents where candidate.archive == archive { return candidate.files }
    throw .noSuchEntry
  }
}

/// A file's bytes in memory.
private final class MemoryContent: TreeContent {
  private let bytes: [UInt8]
  private let isAtHand: Bool
  private let onRead: @Sendable () -> Void

  init(_ bytes: [UInt8], isAtHand: Bool, onRead: @escaping @Sendable () -> Void) {
    self.bytes = bytes
    self.isAtHand = isAtHand
    self.onRead = onRead
  }

  var size: Int64 { Int64(bytes.count) }

  func bytes(at offset: Int64, count: Int) throws(TreeError) -> [ArraySlice<UInt8>] {
    onRead()
    guard offset >= 0, offset < Int64(bytes.count) else { return [] }
    return [bytes[Int(offset)...].prefix(count)]
  }

  func bytesAtHand() -> [ArraySlice<UInt8>]? { isAtHand ? [bytes[...]] : nil }
}

extension MemoryTreeSource {
  private func summarize(
    _ file: File, _ index: Int, _ body: (borrowing ItemSummary) throws(TreeError) -> Void
  ) throws(TreeError) {
    let item = file.item
    let location = ItemLocation(firstChunk: 0, offset: UInt32(index), length: 1)
    let pointers = [item.path, item.user ?? [], item.group ?? [], item.source ?? []].map { Self.copy($0) }
    defer { for pointer in pointers { pointer.deallocate() } }
    let views = pointers.map { UnsafeRawBufferPointer($0) }
    var summary = ItemSummary(path: views[0], location: location)
    summary.mode = item.mode
    summary.uid = item.uid
    summary.gid = item.gid
    if item.user != nil { summary.user = views[1] }
    if item.group != nil { summary.group = views[2] }
    if item.source != nil { summary.source = views[3] }
    summary.mtime = item.mtime
    summary.ctime = item.ctime
    summary.atime = item.atime
    summary.size = item.size ?? 0
    summary.rdev = item.rdev ?? 0
    summary.hasChunks = item.chunks != nil
    summary.hasHealthyChunks = item.chunksHealthy != nil
    summary.hardlinkMaster = item.hardlinkMaster
    summary.attributeKinds = item.attributeKinds
    summary.isPart = item.part != nil
    summary.contentHash = item.chunks?.first.map { $0.id.words.0 } ?? 0
    try body(summary)
  }

  /// A copy that is never at address nil, as stored empty strings are not.
  private static func copy(_ bytes: [UInt8]) -> UnsafeMutableRawBufferPointer {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
    copy.copyBytes(from: bytes)
    return UnsafeMutableRawBufferPointer(rebasing: copy[..<bytes.count])
  }
}

extension MemoryTreeSource.File {
  /// A directory.
  public static func directory(_ path: String, mode: UInt32 = 0o755, mtime: Int64 = 0) -> Self {
    make(path, FileType.directory | mode, mtime: mtime)
  }

  /// A regular file.
  public static func file(_ path: String, _ content: String = "", mode: UInt32 = 0o644, mtime: Int64 = 0) -> Self {
    file(path, bytes: Array(content.utf8), mode: mode, mtime: mtime)
  }

  public static func file(_ path: String, bytes: [UInt8], mode: UInt32 = 0o644, mtime: Int64 = 0) -> Self {
    var result = make(path, FileType.regular | mode, mtime: mtime)
    result.content = bytes
    result.item.size = Int64(bytes.count)
    let id = ChunkID(words: (UInt64(bitPattern: Int64(bytes.hashValue)), 0, 0, 0))
    result.item.chunks = bytes.isEmpty ? [] : [ChunkListEntry(id: id, size: UInt32(bytes.count), storedSize: 0)]
    result.item.hardlinkMaster = false
    return result
  }

  public static func symbolicLink(_ path: String, to target: String) -> Self {
    var result = make(path, FileType.symbolicLink | 0o777, mtime: 0)
    result.item.source = Array(target.utf8)
    return result
  }

  /// A later name of the file called `source`.
  public static func hardLink(_ path: String, to source: String) -> Self {
    var result = make(path, FileType.regular | 0o644, mtime: 0)
    result.item.source = Array(source.utf8)
    return result
  }

  /// The same, changed.
  public func with(_ change: (inout Item) -> Void) -> Self {
    var copy = self
    change(&copy.item)
    return copy
  }

  private static func make(_ path: String, _ mode: UInt32, mtime: Int64) -> Self {
    var item = Item(path: Array(path.utf8), mode: mode)
    item.mtime = mtime
    return Self(item: item, content: [])
  }
}
