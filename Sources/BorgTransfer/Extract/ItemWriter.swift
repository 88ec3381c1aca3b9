import BorgArchive
import BorgFormat
import BorgObjects
import BorgSystem
import CLinux
import Glibc

/// Makes live files of items, below one directory.
final class ItemWriter {
  private let chain: DirectoryChain
  private let metadata: MetadataRestore
  private let sparse: Bool
  /// For messages.
  private let directory: [UInt8]
  /// Who owns a new file in the chain's directory, as its first file showed.
  private var ownerOfNewFiles: (generation: Int, uid: UInt32, gid: UInt32)?

  init(_ options: ExtractOptions, context: SessionContext) throws {
    directory = try options.directory ?? Files.currentDirectory()
    chain = try DirectoryChain(directory)
    sparse = options.sparse
    metadata = MetadataRestore(
      numericIDs: options.numericIDs, flags: options.restoresFlags, xattrs: options.restoresXattrs,
      acls: options.restoresACLs, users: context.users, monitor: context.monitor)
  }

  /// A regular file; `nextChunk` gives its chunks one after another, nil at the end.
  func writeFile(_ item: Item, nextChunk: () throws -> [UInt8]?) throws {
    var isNew = true
    let descriptor = try create(item.path) { parent, name in
      clinux_openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    } inPlace: { parent, name in
      isNew = false
      return clinux_openat(parent, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o666)
    }
    var isOpen = true
    defer { if isOpen { close(descriptor) } }
    var size: Int64 = 0
    var endsInHole = false
    while let chunk = try nextChunk() {
      endsInHole = try write(chunk, to: descriptor)
      size += Int64(chunk.count)
    }
    if endsInHole, ftruncate(descriptor, off_t(size)) != 0 {
      throw BackupProblem.last("truncate_and_attrs", displayPath(item.path))
    }
    try metadata.restore(item, to: .descriptor(descriptor), owner: isNew ? owner(ofNew: descriptor) : nil)
    // Network file systems and quotas tell only here that there was no room.
    isOpen = false
    guard close(descriptor) == 0 else { throw BackupProblem.last("close", displayPath(item.path)) }
    if let expected = item.size, expected != size { throw BackupProblem.damaged }
  }

  private func owner(ofNew descriptor: Int32) -> (uid: UInt32, gid: UInt32)? {
    if let known = ownerOfNewFiles, known.generation == chain.generation { return (known.uid, known.gid) }
    guard let status = FileStatus(of: descriptor) else { return nil }
    ownerOfNewFiles = (chain.generation, status.uid, status.gid)
    return (status.uid, status.gid)
  }

  /// True when the chunk was left a hole.
  private func write(_ chunk: [UInt8], to descriptor: Int32) throws(BackupProblem) -> Bool {
    if sparse, chunk.withUnsafeBytes({ isAllZero($0) }) {
      guard lseek(descriptor, off_t(chunk.count), SEEK_CUR) >= 0 else { throw .last("write") }
      return true
    }
    var done = 0
    while done < chunk.count {
      let count = chunk.withUnsafeBytes { bytes in
        bytes.baseAddress.map { Glibc.write(descriptor, $0 + done, bytes.count - done) } ?? 0
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("write")
      }
      done += count
    }
    return false
  }

  /// Makes a directory without its metadata; one that is there stays.
  func makeDirectory(_ item: Item) throws {
    let path = try TargetPath(item.path)
    guard path.name != nil else { return }
    _ = try create(item.path) { parent, name in
      mkdirat(parent, name, 0o777)
    } inPlace: { parent, name in
      let status = FileStatus(at: parent, name)
      if status?.type == FileType.directory { return 0 }
      errno = EEXIST
      return -1
    }
  }

  /// The metadata of a directory whose contents are complete.
  func finishDirectory(_ item: Item) throws {
    let path = try TargetPath(item.path)
    let parent = try chain.directory(path.parents, creates: false)
    try (path.name ?? [0x2E]).map({ CChar(bitPattern: $0) }).withTerminator { name in
      let descriptor = clinux_openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
      guard descriptor >= 0 else {
        if errno == ENOTDIR || errno == ELOOP { throw BackupProblem.symlinkParent }
        return try metadata.restore(item, to: .entry(directory: parent, name: name))
      }
      defer { close(descriptor) }
      try metadata.restore(item, to: .descriptor(descriptor))
    }
  }

  func makeSymbolicLink(_ item: Item) throws {
    guard let source = item.source, !source.contains(0) else { throw BackupProblem.damaged }
    let target = source.map { CChar(bitPattern: $0) } + [0]
    try makeEntry(item) { parent, name in symlinkat(target, parent, name) }
  }

  func makeSpecial(_ item: Item) throws {
    let mode = mode_t(item.mode)
    let device = dev_t(item.rdev ?? 0)
    try makeEntry(item) { parent, name in
      item.type == FileType.fifo ? mkfifoat(parent, name, 0o666) : mknodat(parent, name, mode, device)
    }
  }

  private func makeEntry(_ item: Item, _ make: (Int32, UnsafePointer<CChar>) -> Int32) throws {
    _ = try create(item.path, make, inPlace: make)
    let path = try TargetPath(item.path)
    let parent = try chain.directory(path.parents)
    try (path.name ?? []).map({ CChar(bitPattern: $0) }).withTerminator { name in
      try metadata.restore(item, to: .entry(directory: parent, name: name))
    }
  }

  /// Another name for what was extracted at `source`; a link there is linked itself, not followed.
  func makeHardLink(_ item: Item, to source: [UInt8]) throws {
    do throws(BackupProblem) {
      let (directory, sourceName) = try openSource(source)
      defer { close(directory) }
      let from = sourceName.map { CChar(bitPattern: $0) } + [0]
      let link: (Int32, UnsafePointer<CChar>) -> Int32 = { parent, name in linkat(directory, from, parent, name, 0) }
      _ = try create(item.path, operation: "link", link, inPlace: link)
    } catch {
      guard case .system(_, var failure) = error else { throw error }
      (failure.path, failure.target) = (displayPath(source), displayPath(item.path))
      throw BackupProblem.system(operation: "link", failure)
    }
  }

  /// The directory that a hard link's source lies in. Throws `hardlinkSource` when it is not safely below the root.
  private func openSource(_ source: [UInt8]) throws(BackupProblem) -> (directory: Int32, name: [UInt8]) {
    do throws(BackupProblem) {
      let path = try TargetPath(source)
      guard let name = path.name else { throw BackupProblem.hardlinkSource }
      let directory = dup(try chain.directory(path.parents, creates: false))
      guard directory >= 0 else { throw BackupProblem.last("link") }
      return (directory, name)
    } catch {
      guard case .system = error else { throw .hardlinkSource }
      throw error
    }
  }

  /// Makes something at `path`. What is there already is removed first; where that fails, `inPlace` has the last word.
  private func create(
    _ path: [UInt8], operation: String = "open", _ make: (Int32, UnsafePointer<CChar>) -> Int32,
    inPlace: (Int32, UnsafePointer<CChar>) -> Int32
  ) throws(BackupProblem) -> Int32 {
    let target = try TargetPath(path)
    let parent = try chain.directory(target.parents)
    guard let last = target.name else {
      throw .system(operation: operation, SystemError(code: EISDIR, path: displayPath(path)))
    }
    let name = last.map { CChar(bitPattern: $0) } + [0]
    var result = make(parent, name)
    if result < 0, errno == EEXIST {
      if unlinkat(parent, name, 0) != 0, errno == EISDIR || errno == EPERM { unlinkat(parent, name, AT_REMOVEDIR) }
      result = make(parent, name)
      if result < 0, errno == EEXIST { result = inPlace(parent, name) }
    }
    guard result >= 0 else { throw .last(operation, displayPath(path)) }
    return result
  }

  private func displayPath(_ path: [UInt8]) -> [UInt8] {
    directory + [0x2F] + path
  }
}
