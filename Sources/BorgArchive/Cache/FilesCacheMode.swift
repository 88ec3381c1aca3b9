/// `--files-cache MODE`: what of a file must be the same for it to count as unchanged (caches.md section 6).
public struct FilesCacheMode: OptionSet, Sendable {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  public static let ctime = FilesCacheMode(rawValue: 1)
  public static let mtime = FilesCacheMode(rawValue: 2)
  public static let size = FilesCacheMode(rawValue: 4)
  public static let inode = FilesCacheMode(rawValue: 8)
  /// Reads every file again, and remembers it.
  public static let rechunk = FilesCacheMode(rawValue: 16)
  public static let disabled = FilesCacheMode(rawValue: 32)

  public static let standard: FilesCacheMode = [.ctime, .size, .inode]

  /// The combinations that Borg allows.
  static let allowed: [FilesCacheMode] = [
    .standard, [.mtime, .size, .inode], [.ctime, .size], [.mtime, .size], .size, [.rechunk, .ctime],
    [.rechunk, .mtime], .disabled,
  ]

  /// Parses the option's value; nil when a word or the combination is not allowed.
  public init?(parsing text: String) {
    var mode: FilesCacheMode = []
    for word in Self.trimmed(text).split(separator: ",", omittingEmptySubsequences: false) {
      guard let flag = Self.named(word) else { return nil }
      mode.insert(flag)
    }
    guard Self.allowed.contains(mode) else { return nil }
    self = mode
  }

  private static func trimmed(_ text: String) -> Substring {
    var rest = text[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }

  private static func named(_ word: Substring) -> FilesCacheMode? {
    switch word {
    case "ctime": .ctime
    case "mtime": .mtime
    case "size": .size
    case "inode": .inode
    case "rechunk": .rechunk
    case "disabled": .disabled
    default: nil
    }
  }
}
