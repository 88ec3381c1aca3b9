import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import CLinux
import Glibc

/// What a walk tells while it goes: status letters and problems, in Borg's order (cli.md 6.1).
protocol WalkListener: AnyObject {
  func status(_ letter: UInt8, _ path: [UInt8]) throws
  func warn(_ problem: BackupProblem, _ path: [UInt8]) throws
  func fileChanged(_ path: [UInt8]) throws
  /// Whether to walk no further: the interruption's checkpoint has been written.
  var isDone: Bool { get }
}

/// Walks the roots in inode order and decides what is taken (cli.md 8.2). Everything is reached by descriptors of the
/// directories above, so that a link that somebody puts in the way is never followed.
final class DirectoryWalker {
  private struct FileID: Hashable {
    var inode: UInt64
    var device: UInt64
  }

  /// One root: what is stripped from its paths, and the device that is not left.
  struct Root {
    var stripPrefix: [UInt8]?
    var device: UInt64?
  }

  private let options: CreateOptions
  private let listener: any WalkListener
  /// Nil: a dry run.
  private let builder: ItemBuilder?
  private let ahead: OpenAhead?
  private let interruption: Interruption
  private let selectsAll: Bool
  private var skipped: Set<FileID> = []
  /// How many directories there are above.
  private var depth = 0
  /// As much as the stack surely holds.
  private static let maximumDepth = 4000
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)

  init(
    _ options: CreateOptions, listener: any WalkListener, builder: ItemBuilder?, ahead: OpenAhead? = nil,
    repository: Location?, context: SessionContext, interruption: Interruption
  ) {
    self.options = options
    self.listener = listener
    self.builder = builder
    self.interruption = interruption
    selectsAll = options.matcher.isEmpty
    // What may be left out is not even opened.
    self.ahead = selectsAll && !options.excludesNodump ? ahead : nil
    skip(Array(context.environment.cacheDirectory.utf8))
    if let repository, repository.isLocal { skip(repository.path) }
  }

  deinit {
    buffer.deallocate()
  }

  private func skip(_ path: [UInt8]) {
    let status = path.map({ CChar(bitPattern: $0) }).withTerminator { FileStatus(at: AT_FDCWD, $0, followLinks: true) }
    guard let status else { return }
    skipped.insert(FileID(inode: status.inode, device: status.device))
  }
}

extension DirectoryWalker {
  /// Walks a recursion root as typed.
  func walk(root typed: [UInt8]) throws {
    let path = ArchivePath.normalized(typed)
    var root = Root(stripPrefix: ArchivePath.slashDotPrefix(of: typed))
    try withName(path) { name in
      guard let status = FileStatus(at: AT_FDCWD, name) else {
        return try listener.warn(.last("stat", path), path)
      }
      if options.staysInOneFileSystem { root.device = status.device }
      try visit(path, Place(name: name), root)
      skipped.insert(FileID(inode: status.inode, device: status.device))
    }
  }

  /// Takes one path as it is, without recursion or selection (--paths-from-…).
  func take(_ typed: [UInt8]) throws {
    let path = ArchivePath.normalized(typed)
    let root = Root(stripPrefix: ArchivePath.slashDotPrefix(of: typed))
    try withName(path) { name in
      try reporting(path, isExcluded: false) {
        guard let status = FileStatus(at: AT_FDCWD, name) else { throw BackupProblem.last("stat", path) }
        return try process(path, Place(name: name), status, root)
      }
    }
  }

  private func withName(_ path: [UInt8], _ body: (UnsafePointer<CChar>) throws -> Void) throws {
    guard !path.contains(0) else {
      return try listener.warn(.system(operation: "stat", SystemError(code: EINVAL, path: path)), path)
    }
    try path.map({ CChar(bitPattern: $0) }).withTerminator(body)
  }
}

extension DirectoryWalker {
  private func visit(_ path: [UInt8], _ place: Place, _ root: Root) throws {
    if listener.isDone { return drop(place) }
    if interruption.isAbortRequested {
      drop(place)
      throw Interruption.Aborted()
    }
    var isExcluded = false
    if !selectsAll {
      let decision = options.matcher.decide(path)
      if !decision.isIncluded {
        try listener.status(UInt8(ascii: "x"), path)
        guard decision.recurses else { return }
        isExcluded = true
      }
    }
    try reporting(path, isExcluded: isExcluded) {
      try visitSelected(path, place, root, isExcluded: isExcluded)
    }
  }

  private func drop(_ place: Place) {
    if let opened = place.opened, opened.descriptor >= 0 { close(opened.descriptor) }
  }

  /// Runs `body`, turns its problems into warnings and reports the letter it returns.
  private func reporting(_ path: [UInt8], isExcluded: Bool, _ body: () throws -> UInt8?) throws {
    var letter: UInt8?
    do {
      letter = try body()
      if letter == UInt8(ascii: "C") { try listener.fileChanged(path) }
    } catch let problem as BackupProblem {
      try listener.warn(problem, path)
      letter = UInt8(ascii: "E")
    }
    if !isExcluded, let letter { try listener.status(letter, path) }
  }

  private func visitSelected(_ path: [UInt8], _ place: Place, _ root: Root, isExcluded: Bool) throws -> UInt8? {
    if place.type == DT_REG, let builder, !options.excludesNodump {
      if isExcluded { return nil }
      do { return try builder.file(path, place, expected: nil, root) { self.isSkipped($0) } } catch is NotRegular {
        // Something else is mounted there, or has taken the file's place.
        let again = Place(directory: place.directory, name: place.name)
        return try visitSelected(path, again, root, isExcluded: isExcluded)
      }
    }
    guard let status = FileStatus(at: place.directory, place.name) else {
      throw BackupProblem.last("stat", place.nameBytes)
    }
    let isDirectory = status.type == FileType.directory
    if isExcluded, !isDirectory { return nil }
    if isSkipped(status) { return nil }
    if options.excludesNodump, nodumpFlag(place, status) { return UInt8(ascii: "x") }
    guard isDirectory else { return try process(path, place, status, root) }
    return try visitDirectory(path, place, status, root, isExcluded: isExcluded)
  }

  private func isSkipped(_ status: FileStatus) -> Bool {
    skipped.contains(FileID(inode: status.inode, device: status.device))
  }

  private func nodumpFlag(_ place: Place, _ status: FileStatus) -> Bool {
    guard status.type == FileType.regular || status.type == FileType.directory || status.type == FileType.fifo else {
      return false
    }
    let descriptor = clinux_openat(
      place.directory, place.name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return FileFlags.read(descriptor) & 1 != 0
  }

  /// Anything but the recursion into a directory.
  private func process(_ path: [UInt8], _ place: Place, _ status: FileStatus, _ root: Root) throws -> UInt8? {
    guard let builder else { return UInt8(ascii: "-") }
    switch status.type {
    case FileType.regular: return try builder.file(path, place, expected: status, root) { _ in false }
    case FileType.directory: return try builder.directory(path, place, status, root)
    case FileType.symbolicLink:
      if options.readsSpecialFiles, let target = FileStatus(at: place.directory, place.name, followLinks: true),
        target.isSpecial
      {
        return try builder.file(path, place, expected: target, root, followsLink: true) { _ in false }
      }
      return try builder.symbolicLink(path, place, status, root)
    case FileType.fifo, FileType.characterDevice, FileType.blockDevice:
      if options.readsSpecialFiles {
        return try builder.file(path, place, expected: status, root) { _ in false }
      }
      return status.type == FileType.fifo
        ? try builder.fifo(path, place, status, root) : try builder.device(path, place, status, root)
    default: return nil
    }
  }
}

extension DirectoryWalker {
  private func visitDirectory(
    _ path: [UInt8], _ place: Place, _ seen: FileStatus, _ root: Root, isExcluded: Bool
  ) throws -> UInt8? {
    let descriptor = try openLive(place, O_DIRECTORY | O_RDONLY | O_NOFOLLOW, operation: "dir_open")
    defer { close(descriptor) }
    guard let status = FileStatus(of: descriptor) else { throw BackupProblem.last("fstat") }
    try status.checkStillThe(seen)
    let recurses = root.device == nil || status.device == root.device
    if recurses {
      let tags = tagNames(descriptor)
      if !tags.isEmpty {
        if isExcluded { return nil }
        return try visitTagged(path, descriptor, status, root, tags: tags)
      }
    }
    var letter = builder == nil ? UInt8(ascii: "-") : nil
    if let builder, !isExcluded {
      letter = try builder.directory(path, descriptor: descriptor, status, root)
    }
    if recurses { try visitEntries(path, descriptor, root) }
    return letter
  }

  private func visitEntries(_ path: [UInt8], _ descriptor: Int32, _ root: Root) throws {
    guard depth < Self.maximumDepth else {
      throw BackupProblem.other("More than \(Self.maximumDepth) directories deep")
    }
    depth += 1
    defer { depth -= 1 }
    let listing = try DirectoryListing(reading: descriptor, buffer: buffer)
    let prefix = path == [0x2E] ? [] : path.last == 0x2F ? path : path + [0x2F]
    try listing.names.withUnsafeBufferPointer { names in
      guard let base = names.baseAddress else { return }
      var requested = 0
      defer { ahead?.drop() }
      for (index, entry) in listing.entries.enumerated() {
        requested = max(requested, index)
        openAhead(listing.entries, names: base, in: descriptor, from: index, &requested)
        let name = base + entry.name
        let child = prefix + UnsafeRawBufferPointer(start: name, count: strlen(name))
        var place = Place(directory: descriptor, name: name, type: entry.type)
        if index < requested { place.opened = ahead?.take() }
        try visit(child, place, root)
      }
    }
  }

  /// Requests the regular files that follow one another from `index` on, those before `requested` being requested.
  private func openAhead(
    _ entries: [DirectoryListing.Entry], names: UnsafePointer<CChar>, in directory: Int32, from index: Int,
    _ requested: inout Int
  ) {
    guard let ahead else { return }
    while ahead.hasRoom {
      var end = requested
      while end < entries.count, end - requested < OpenAhead.runLength, entries[end].type == DT_REG { end += 1 }
      guard end > requested, requested > index || end - requested >= OpenAhead.minimumRun else { return }
      ahead.request(entries[requested..<end].map { names + $0.name }, in: directory)
      requested = end
    }
  }

  /// A directory left out because of its tags: with --keep-exclude-tags it is stored with nothing but these.
  private func visitTagged(
    _ path: [UInt8], _ descriptor: Int32, _ status: FileStatus, _ root: Root, tags: [[UInt8]]
  ) throws -> UInt8? {
    if options.keepsExcludeTags {
      _ = try builder?.directory(path, descriptor: descriptor, status, root)
      for tag in tags {
        let child = path.last == 0x2F ? path + tag : path + [0x2F] + tag
        try tag.map({ CChar(bitPattern: $0) }).withTerminator { name in
          try visit(child, Place(directory: descriptor, name: name), root)
        }
      }
    }
    return UInt8(ascii: "x")
  }

  private func tagNames(_ descriptor: Int32) -> [[UInt8]] {
    var names: [[UInt8]] = []
    if options.excludesCaches, isCacheDirectory(descriptor) { names.append(Array("CACHEDIR.TAG".utf8)) }
    for tag in options.excludeIfPresent where !tag.contains(0) {
      let exists = tag.map({ CChar(bitPattern: $0) }).withTerminator {
        FileStatus(at: descriptor, $0, followLinks: true) != nil
      }
      if exists { names.append(tag) }
    }
    return names
  }

  private func isCacheDirectory(_ directory: Int32) -> Bool {
    let signature = Array("Signature: 8a477f597d28d172789f06886806bc55".utf8)
    let descriptor = clinux_openat(directory, "CACHEDIR.TAG", O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var start = [UInt8](repeating: 0, count: signature.count)
    return read(descriptor, &start, start.count) == signature.count && start == signature
  }
}
