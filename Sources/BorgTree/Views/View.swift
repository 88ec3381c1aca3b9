/// One place in the views.
enum View: Hashable, Sendable {
  case top, byDate, byHost
  case host([UInt8])
  /// The path's elements.
  case history([[UInt8]])
  case link(target: [UInt8], time: Int64)

  /// A link, `up` directories below the root, to an archive or a path in it.
  static func link(to archive: TreeArchive, path: [UInt8] = [], up: Int, time: Int64? = nil) -> View {
    var target: [UInt8] = []
    for _ in 0..<up { target += "../".utf8 }
    target += archive.name
    if !path.isEmpty { target += [TreePath.separator] + path }
    return .link(target: target, time: time ?? archive.start)
  }

  /// Nil: the root of the mount.
  var parent: View? {
    switch self {
    case .top, .link: nil
    case .byDate, .byHost: .top
    case .host: .byHost
    case .history(let path): path.isEmpty ? .top : .history(path.dropLast())
    }
  }
}

/// Inode numbers of views: their own tag, and a number made from what they are, so that most are the same in every mount
/// with the same index. A generation tells them apart from other views that have had the number. Of very many views those
/// that were not asked for lately are forgotten: their inodes are stale until they are looked up again.
struct ViewNodes: Sendable {
  /// No archive has this one, save one in two thousand million.
  private static let tag: UInt64 = 0x7FFF_FFFF
  private let maximumCount: Int
  private var recent = Generation()
  private var older = Generation()

  private let hash: NameHash

  struct Identity: Sendable, Equatable {
    var inode: UInt64
    var generation: UInt32
  }

  private struct Generation: Sendable {
    var views: [UInt32: View] = [:]
    var identities: [View: Identity] = [:]
  }

  /// At least half of `maximumCount` views are remembered.
  init(_ hash: NameHash, maximumCount: Int = 1 << 16) {
    self.hash = hash
    self.maximumCount = maximumCount
  }

  var count: Int { recent.views.count + older.views.count }

  mutating func view(of inode: UInt64) -> View? {
    guard inode >> 32 == ViewNodes.tag else { return nil }
    let number = UInt32(truncatingIfNeeded: inode)
    if let view = recent.views[number] { return view }
    guard let view = older.views[number], let identity = older.identities[view] else { return nil }
    remember(view, identity)
    return view
  }

  mutating func identity(of view: View) -> Identity {
    if let known = recent.identities[view] { return known }
    let identity = older.identities[view] ?? newIdentity(of: view)
    remember(view, identity)
    return identity
  }

  private func newIdentity(of view: View) -> Identity {
    let wide = wideHash(of: view)
    var number = max(1, UInt32(truncatingIfNeeded: wide))
    while recent.views[number] != nil || older.views[number] != nil { number = number == .max ? 1 : number + 1 }
    return Identity(inode: ViewNodes.tag << 32 | UInt64(number), generation: UInt32(truncatingIfNeeded: wide >> 32))
  }

  private mutating func remember(_ view: View, _ identity: Identity) {
    if recent.views.count >= maximumCount / 2 {
      older = recent
      recent = Generation()
    }
    recent.views[UInt32(truncatingIfNeeded: identity.inode)] = view
    recent.identities[view] = identity
  }

  private func wideHash(of view: View) -> UInt64 {
    let text: [UInt8] =
      switch view {
      case .top: [1]
      case .byDate: [2]
      case .byHost: [3]
      case .host(let name): [4] + name
      case .history(let path): [5] + path.joined(separator: [TreePath.separator])
      case .link(let target, let time): [6] + target + Array("\(time)".utf8)
      }
    return text.withUnsafeBytes { hash.wide($0) }
  }
}
