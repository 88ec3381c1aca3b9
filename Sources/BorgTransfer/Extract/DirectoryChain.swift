import BorgSystem
import CLinux
import Glibc

/// The open directories from the extraction's root down to the one that files are written into now.
///
/// Every step is opened by name in the directory above and never through a link, so whatever an archive made of a
/// path's parents, nothing outside the root is reached. Since items come in tree order, most files find their
/// directory open.
final class DirectoryChain {
  private struct Link {
    var name: [UInt8]
    /// Closed for the upper ones of a very deep chain.
    var descriptor: Int32
  }

  private static let maximumOpen = 128

  let root: Int32
  private var links: [Link] = []
  private var firstOpen = 0
  /// Changes whenever another directory is entered.
  private(set) var generation = 0

  /// `path` is the root.
  init(_ path: [UInt8]) throws {
    root = path.map({ CChar(bitPattern: $0) }).withTerminator {
      open($0, Int32(CLINUX_O_PATH) | O_DIRECTORY | O_CLOEXEC)
    }
    guard root >= 0 else { throw SystemError.last(path) }
  }

  deinit {
    cut(to: 0)
    close(root)
  }

  /// The directory with these names below the root, open for names in it; valid until the next call. With `creates`,
  /// missing ones are made. Throws `symlinkParent` for what is no directory.
  func directory(_ names: [ArraySlice<UInt8>], creates: Bool = true) throws(BackupProblem) -> Int32 {
    var common = 0
    while common < min(links.count, names.count), links[common].name.elementsEqual(names[common]) { common += 1 }
    if common == links.count, common == names.count { return links.last?.descriptor ?? root }
    generation += 1
    cut(to: common)
    if common > 0, common - 1 < firstOpen { cut(to: 0) }
    while links.count < names.count {
      let name = Array(names[links.count])
      let descriptor = try step(links.last?.descriptor ?? root, name, creates: creates)
      links.append(Link(name: name, descriptor: descriptor))
      closeUpper()
    }
    return links.last?.descriptor ?? root
  }

  private func step(_ parent: Int32, _ name: [UInt8], creates: Bool) throws(BackupProblem) -> Int32 {
    let cName = name.map { CChar(bitPattern: $0) } + [0]
    let flags = Int32(CLINUX_O_PATH) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var descriptor = clinux_openat(parent, cName, flags, 0)
    if descriptor < 0, errno == ENOENT, creates {
      if mkdirat(parent, cName, 0o777) != 0, errno != EEXIST { throw .last("makedirs", name) }
      descriptor = clinux_openat(parent, cName, flags, 0)
    }
    if descriptor >= 0 { return descriptor }
    if errno == ENOTDIR || errno == ELOOP { throw .symlinkParent }
    throw .last("makedirs", name)
  }

  private func cut(to count: Int) {
    while links.count > count {
      let link = links.removeLast()
      if links.count >= firstOpen { close(link.descriptor) }
    }
    firstOpen = min(firstOpen, links.count)
  }

  private func closeUpper() {
    while links.count - firstOpen > DirectoryChain.maximumOpen {
      close(links[firstOpen].descriptor)
      firstOpen += 1
    }
  }
}

/// A relative path taken apart for a `DirectoryChain`.
struct TargetPath {
  var parents: [ArraySlice<UInt8>]
  /// Nil: the root itself.
  var name: [UInt8]?

  /// Throws `pathTraversal` for `..` anywhere, and for a NUL.
  init(_ path: [UInt8]) throws(BackupProblem) {
    var names = path.split(separator: 0x2F).filter { !$0.elementsEqual([0x2E]) }
    if path.contains(0) || names.contains(where: { $0.elementsEqual([0x2E, 0x2E]) }) { throw .pathTraversal }
    name = names.popLast().map { Array($0) }
    parents = names
  }
}
