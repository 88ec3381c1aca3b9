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

/// Inode numbers of views: their own tag, and a number made from what they are, so that most are the same in every mount.
/// Of very many views those that were not asked for lately are forgotten: their inodes are stale until they are looked up
/// again.
struct ViewNodes: Sendable {
  /// No archive has this one, save one in two thousand million.
  private static let tag: UInt64 = 0x7FFF_FFFF
  private let maximumCount: Int
  private var recent = Generation()
  private var older = Generation()

  private struct Generation: Sendable {
    var views: [UInt32: View] = [:]
    var numbers: [View: UInt32] = [:]
  }

  /// At least half of `maximumCount` views are remembered.
  init(maximumCount: Int = 1 << 16) { self.maximumCount = maximumCount }

  var count: Int { recent.views.count + older.views.count }

  mutating func view(of inode: UInt64) -> View? {
    guard inode >> 32 == ViewNodes.tag else { return nil }
    let number = UInt32(truncatingIfNeeded: inode)
    if let view = recent.views[number] { return view }
    guard let view = older.views[number] else { return nil }
    remember(view, number)
    return view
  }

  mutating func inode(of view: View) -> UInt64 {
    if let number = recent.numbers[view] { return ViewNodes.tag << 32 | UInt64(number) }
    var number = older.numbers[view] ?? max(1, ViewNodes.hash(view))
    while let other = recent.views[number] ?? older.views[number], other != view {
      number = number == .max ? 1 : number + 1
    }
    remember(view, number)
    return ViewNodes.tag << 32 | UInt64(number)
  }

  private mutating func remember(_ view: View, _ number: UInt32) {
    if recent.views.count >= maximumCount / 2 {
      older = recent
      recent = Generation()
    }
    recent.views[number] = view
    recent.numbers[view] = number
  }

  private static func hash(_ view: View) -> UInt32 {
    let text: [UInt8] =
      switch view {
      case .top: [1]
      case .byDate: [2]
      case .byHost: [3]
      case .host(let name): [4] + name
      case .history(let path): [5] + path.joined(separator: [TreePath.separator])
      case .link(let target, let time): [6] + target + Array("\(time)".utf8)
      }
    return text.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}
