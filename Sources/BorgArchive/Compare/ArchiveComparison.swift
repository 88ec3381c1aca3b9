import BorgFormat
import BorgSystem

/// Compares the items of two archives of one repository (cli.md 8.12).
///
/// Both item streams are read side by side. What waits in memory is what has not met its partner yet (nothing while both
/// archives list their common paths in the same order, at most both archives whole), the first names of hard links,
/// and later names whose first name has not come.
public final class ArchiveComparison {
  public struct Options: Sendable {
    /// Items whose paths match are compared.
    public var matcher: PatternMatcher
    /// Equal contents have equal chunk ids: both archives were cut in the same way.
    public var chunkIDsAreComparable = false
    /// Owners, modes and times do not count.
    public var contentOnly = false
    /// Owners are compared by their ids.
    public var numericIDs = false
    public var considersPartFiles = false

    public init(matcher: PatternMatcher) {
      self.matcher = matcher
    }
  }

  private struct Pair {
    var old: Item?
    var new: Item?
    var path: [UInt8] { (new ?? old)?.path ?? [] }
  }

  /// Items without a partner so far, by path; a later one of the same path takes the place of the earlier.
  private struct Orphans {
    private var items: [[UInt8]: (order: Int, item: Item)] = [:]
    private var count = 0

    mutating func add(_ item: Item) {
      items[item.path] = (items[item.path]?.order ?? count, item)
      count += 1
    }

    mutating func take(_ path: [UInt8]) -> Item? {
      items.isEmpty ? nil : items.removeValue(forKey: path)?.item
    }

    /// In the order in which they were met.
    func sorted() -> [Item] { items.values.sorted { $0.order < $1.order }.map(\.item) }
  }

  private let old: Archive
  private let new: Archive
  private let options: Options
  private let emit: (ItemDifference) throws -> Void
  private var oldOrphans = Orphans()
  private var newOrphans = Orphans()
  private var masters: [[UInt8]: Pair] = [:]
  private var deferred: [Pair] = []

  /// Whether both archives say that they were cut in the same way; nil when one does not say how.
  public static func hasEqualChunkerParameters(_ a: Archive, _ b: Archive) -> Bool? {
    guard let a = a.metadata.chunkerParameters, let b = b.metadata.chunkerParameters else { return nil }
    return normalized(a) == normalized(b)
  }

  /// Calls `body` with each difference: common paths in the order of the archives, then what was added, then what was
  /// removed, then later names of hard links whose first name came after them. Throws what reading throws.
  public static func run(
    _ old: Archive, _ new: Archive, _ options: Options, _ body: @escaping (ItemDifference) throws -> Void
  ) throws {
    try ArchiveComparison(old, new, options, body).run()
  }

  private init(
    _ old: Archive, _ new: Archive, _ options: Options, _ emit: @escaping (ItemDifference) throws -> Void
  ) {
    self.old = old
    self.new = new
    self.options = options
    self.emit = emit
  }

  /// Before Borg 1.2 the algorithm was not named.
  public static func normalized(_ parameters: MessagePackValue) -> MessagePackValue {
    guard let fields = parameters.arrayValue, fields.count == 4, fields.first?.intValue != nil else {
      return parameters
    }
    return .array([.raw(Array("buzhash".utf8))] + fields)
  }

  private func run() throws {
    let (oldStream, newStream) = (try ItemStream(old), try ItemStream(new))
    defer {
      oldStream.close()
      newStream.close()
    }
    while true {
      let (oldItem, newItem) = (try next(oldStream), try next(newStream))
      if oldItem == nil, newItem == nil { break }
      try meet(oldItem, newItem)
    }
    try finish()
  }

  private func next(_ stream: ItemStream) throws -> Item? {
    while let item = try stream.next() {
      guard options.considersPartFiles || item.part == nil else { continue }
      if options.matcher.isEmpty || options.matcher.decide(item.path).isIncluded { return item }
    }
    return nil
  }

  private func meet(_ oldItem: Item?, _ newItem: Item?) throws {
    if let oldItem, let newItem, oldItem.path == newItem.path { return try compareOrDefer(oldItem, newItem) }
    if let oldItem {
      if let partner = newOrphans.take(oldItem.path) {
        try compareOrDefer(oldItem, partner)
      } else {
        oldOrphans.add(oldItem)
      }
    }
    if let newItem {
      if let partner = oldOrphans.take(newItem.path) {
        try compareOrDefer(partner, newItem)
      } else {
        newOrphans.add(newItem)
      }
    }
  }

  private func finish() throws {
    for item in newOrphans.sorted() { try compareAlone(Pair(old: nil, new: item)) }
    for item in oldOrphans.sorted() { try compareAlone(Pair(old: item, new: nil)) }
    for pair in deferred {
      let missing = [pair.old, pair.new].compactMap { $0 }.filter { !hasMaster($0) }
      for item in missing { warnMissingMaster(of: item) }
      if missing.isEmpty { try compare(pair) }
    }
  }

  private func compareAlone(_ pair: Pair) throws {
    noteMaster(pair)
    try compare(pair)
  }

  private func compareOrDefer(_ oldItem: Item, _ newItem: Item) throws {
    let pair = Pair(old: oldItem, new: newItem)
    noteMaster(pair)
    if hasMaster(oldItem), hasMaster(newItem) { try compare(pair) } else { deferred.append(pair) }
  }

  private func warnMissingMaster(of item: Item) {
    let source = displayText(item.source ?? [])
    old.session.context.monitor.log(
      LogRecord(
        .warning, logger: "borg.archiver",
        "cannot find hardlink source for \(displayText(item.path)) (\(source)), skipping compare.", warningCode: 1))
  }
}

/// Hard links: later names are compared as what their first name holds.
extension ArchiveComparison {
  private func noteMaster(_ pair: Pair) {
    guard pair.old?.isHardlinkMaster ?? false || pair.new?.isHardlinkMaster ?? false else { return }
    masters[ArchivePath.linked(pair.path)] = pair
  }

  private func hasMaster(_ item: Item) -> Bool {
    guard item.isHardlinkReference, let source = item.source else { return true }
    return masters[ArchivePath.linked(source)] != nil
  }

  private func master(of item: Item?) -> Pair? {
    guard let item, item.isHardlinkReference, let source = item.source else { return nil }
    return masters[ArchivePath.linked(source)]
  }

  private func compare(_ pair: Pair) throws {
    var resolved = pair
    if let master = master(of: pair.old) { resolved.old = master.old }
    if let master = master(of: pair.new) { resolved.new = master.new }
    let difference = ItemDifference(
      path: pair.path, old: resolved.old, new: resolved.new, chunkIDsAreComparable: options.chunkIDsAreComparable,
      contentOnly: options.contentOnly, numericIDs: options.numericIDs)
    guard try !isEqual(difference) else { return }
    try emit(difference)
  }

  private func isEqual(_ difference: ItemDifference) throws -> Bool {
    guard difference.hasEqualMetadata else { return false }
    guard let a = difference.old?.chunks, let b = difference.new?.chunks else { return true }
    if options.chunkIDsAreComparable { return a == b }
    guard difference.old?.contentSize == difference.new?.contentSize else { return false }
    return try hasEqualContent(a, b)
  }

  private func hasEqualContent(_ a: [ChunkListEntry], _ b: [ChunkListEntry]) throws -> Bool {
    if a.map(\.id) == b.map(\.id) { return true }
    let (first, second) = (ContentCursor(a, of: old), ContentCursor(b, of: new))
    defer {
      first.close()
      second.close()
    }
    while true {
      let (left, right) = (try first.current(), try second.current())
      let count = min(left.count, right.count)
      guard count > 0 else { return left.isEmpty && right.isEmpty }
      guard left.prefix(count).elementsEqual(right.prefix(count)) else { return false }
      first.skip(count)
      second.skip(count)
    }
  }
}

/// A file's content, a piece at a time.
private final class ContentCursor {
  private let pipeline: ChunkPipeline
  private var rest: ArraySlice<UInt8> = []

  init(_ chunks: [ChunkListEntry], of archive: Archive) {
    let session = archive.session
    pipeline = ChunkPipeline(
      repository: session.repository, codec: session.codec, threads: 1, maximumBytesAhead: 8 << 20)
    pipeline.request(chunks)
  }

  /// What comes next; empty at the end only.
  func current() throws -> ArraySlice<UInt8> {
    while rest.isEmpty, pipeline.pendingCount > 0 { rest = try pipeline.next()[...] }
    return rest
  }

  func skip(_ count: Int) { rest = rest.dropFirst(count) }

  func close() { pipeline.close() }
}
