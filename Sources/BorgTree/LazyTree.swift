import BorgFormat
import Synchronization

/// A tree that is not made before something in it is asked for: once, however many ask. One that cannot be made answers
/// with the reason whatever is asked.
public final class LazyTree: FileTree {
  private let options: TreeOptions
  private let build: @Sendable () throws(TreeError) -> any FileTree
  private let state = Mutex(State.unmade)

  private enum State {
    case unmade
    case made(any FileTree)
    case failed(TreeError)
  }

  public init(options: TreeOptions, _ build: @escaping @Sendable () throws(TreeError) -> any FileTree) {
    self.options = options
    self.build = build
  }

  public func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes {
    try tree().lookup(name, in: parent)
  }

  public func attributes(of inode: UInt64) throws(TreeError) -> Attributes {
    if inode == InodeNumber.root, made == nil {
      var root = options.syntheticDirectory(inode: inode, time: options.mountTime)
      root.areFinal = false
      return root
    }
    return try tree().attributes(of: inode)
  }

  public func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) {
    try tree().forEachEntry(of: directory, after: position, body)
  }

  public func open(_ inode: UInt64) throws(TreeError) -> any TreeContent { try tree().open(inode) }
  public var opensEverything: Bool { options.opensDamagedFiles || made?.opensEverything ?? false }
  public func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8] { try tree().linkTarget(of: inode) }
  public func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]] { try tree().xattrNames(of: inode) }

  public func xattr(_ name: UnsafeRawBufferPointer, of inode: UInt64) throws(TreeError) -> [UInt8] {
    try tree().xattr(name, of: inode)
  }

  public var statistics: TreeStatistics { made?.statistics ?? TreeStatistics() }

  private var made: (any FileTree)? {
    state.withLock { state in
      if case .made(let tree) = state { return tree }
      return nil
    }
  }

  private func tree() throws(TreeError) -> any FileTree {
    try state.withLock { (state) throws(TreeError) in
      switch state {
      case .made(let tree): return tree
      case .failed(let error): throw error
      case .unmade: break
      }
      do throws(TreeError) {
        let tree = try build()
        state = .made(tree)
        return tree
      } catch {
        state = .failed(error)
        throw error
      }
    }
  }
}
