import BorgFormat

/// Merges archives into one tree where every file is a directory of its versions (fuse.md section 5).
struct VersionedTreeBuilder {
  private var builder: TreeBuilder
  private let source: any TreeSource
  private let options: TreeOptions
  /// By the directory that holds a path's versions: how many there are, and the content of the last.
  private var versions: [UInt32: Version] = [:]
  private var name: [UInt8] = []

  private struct Version {
    var number: Int
    var contentHash: UInt64
  }

  /// One tree of all the source's archives, in their order.
  static func build(from store: BlockStore, options: TreeOptions) throws(TreeError) -> NodeTable {
    let source = store.source
    var builder = VersionedTreeBuilder(
      builder: try TreeBuilder(source: source, options: options, rootTime: options.mountTime), source: source,
      options: options)
    for (ordinal, archive) in try source.archives().enumerated() {
      builder.builder.beginArchive(ordinal)
      try store.forEachItem(in: archive) { (item) throws(TreeError) in try builder.add(item) }
    }
    return builder.builder.table
  }

  private init(builder: TreeBuilder, source: any TreeSource, options: TreeOptions) {
    self.builder = builder
    self.source = source
    self.options = options
  }

  private mutating func add(_ item: borrowing ItemSummary) throws(TreeError) {
    if item.isDirectory {
      try builder.add(item)
      return
    }
    guard builder.isShown(item) else { return }
    guard source.isSelected(item.path),
      case .entry(_, let name) = TreePath(item.path, strippedComponents: options.strippedComponents)
    else {
      try builder.rememberUnshown(item)
      return
    }
    guard let path = TreePath.strip(item.path, options.strippedComponents) else { return }
    try addFile(item, at: path, name)
  }

  private mutating func addFile(
    _ item: borrowing ItemSummary, at path: UnsafeRawBufferPointer, _ name: UnsafeRawBufferPointer
  ) throws(TreeError) {
    if item.isHardlinkReference {
      guard let master = builder.master(of: item), let directory = try builder.directory(at: path) else { return }
      nameVersion(name, in: directory, hasChunks: master.hasChunks, contentHash: master.contentHash)
      try link(to: master.object, in: directory)
    } else {
      guard let directory = try builder.directory(at: path) else { return }
      nameVersion(name, in: directory, hasChunks: item.hasChunks, contentHash: item.identity)
      try put(item, in: directory)
    }
  }

  /// Sets `name` to what the object is called among its versions; a content unlike the last one counts up. The number
  /// can make it longer than 255 bytes; Linux lists and finds it nevertheless.
  private mutating func nameVersion(
    _ plain: UnsafeRawBufferPointer, in directory: UInt32, hasChunks: Bool, contentHash: UInt64
  ) {
    name.removeAll(keepingCapacity: true)
    guard hasChunks else {
      name.append(contentsOf: plain)
      return
    }
    var version = versions[directory] ?? Version(number: 0, contentHash: ~contentHash)
    if version.contentHash != contentHash { version = Version(number: version.number + 1, contentHash: contentHash) }
    versions[directory] = version
    let stem = VersionedTreeBuilder.stemLength(plain)
    name.append(contentsOf: plain[..<stem])
    let digits = String(version.number)
    name.append(contentsOf: (".".utf8))
    name.append(contentsOf: String(repeating: "0", count: max(0, 5 - digits.utf8.count)).utf8)
    name.append(contentsOf: digits.utf8)
    name.append(contentsOf: plain[stem...])
  }

  /// Where the extension begins: at the last dot, unless only dots stand before it.
  static func stemLength(_ name: UnsafeRawBufferPointer) -> Int {
    let dot: UInt8 = 0x2E
    guard let last = name.lastIndex(of: dot), name[..<last].contains(where: { $0 != dot }) else { return name.count }
    return last
  }

  private mutating func put(_ item: borrowing ItemSummary, in directory: UInt32) throws(TreeError) {
    let name = name
    let path = name.span
    let item = copy item
    try path.withPointer { (name) throws(TreeError) in _ = try builder.put(item, as: name, in: directory) }
  }

  private mutating func link(to object: UInt32, in directory: UInt32) throws(TreeError) {
    let name = name
    let path = name.span
    try path.withPointer { (name) throws(TreeError) in try builder.link(name, in: directory, to: object) }
  }
}

extension Span<UInt8> {
  /// The bytes as a pointer, with typed errors.
  func withPointer<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try withUnsafeBytes { (bytes) throws(E) in try body(bytes) }
  }
}
