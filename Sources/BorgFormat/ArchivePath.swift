/// Paths as archives hold them (archives.md 5.3).
public enum ArchivePath {
  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")

  /// POSIX normpath on bytes: collapses `.`, `..`, `//`; keeps exactly two leading slashes; empty becomes `.`.
  public static func normalized(_ path: [UInt8]) -> [UInt8] {
    let leading = path.prefix { $0 == slash }.count
    let root = [UInt8](repeating: slash, count: leading == 2 ? 2 : min(leading, 1))
    var elements: [ArraySlice<UInt8>] = []
    for element in path.split(separator: slash) where !element.elementsEqual([dot]) {
      guard element.elementsEqual([dot, dot]) else {
        elements.append(element)
        continue
      }
      if let last = elements.last, !last.elementsEqual([dot, dot]) {
        elements.removeLast()
      } else if root.isEmpty {
        elements.append(element)
      }
    }
    let normalized = root + elements.joined(separator: [slash])
    return normalized.isEmpty ? [dot] : normalized
  }

  /// The stored form: loses every leading `/` and `../`; empty becomes `.`.
  public static func stored(_ path: [UInt8]) -> [UInt8] {
    var rest = path[...]
    while true {
      if rest.first == slash {
        rest = rest.dropFirst()
      } else if rest.starts(with: [dot, dot, slash]) {
        rest = rest.dropFirst(3)
      } else {
        return rest.isEmpty ? [dot] : Array(rest)
      }
    }
  }

  /// What a hard link's source and the path of its first name have in common: `tar ./dir` and `tar -P` write sources that
  /// their names have been normalized away from.
  public static func linked(_ path: [UInt8]) -> [UInt8] { stored(normalized(path)) }

  /// Drops `count` leading elements; nil when nothing is left.
  public static func strippingComponents(_ count: Int, from path: [UInt8]) -> [UInt8]? {
    guard count > 0 else { return path.isEmpty ? nil : path }
    let elements = path.split(separator: slash, maxSplits: count, omittingEmptySubsequences: false)
    guard elements.count > count, let rest = elements.last, !rest.isEmpty else { return nil }
    return Array(rest)
  }

  /// What a recursion root with `/./` in it loses: the normalised path before the first one and a slash. Nil when
  /// there is none or it stands at the very beginning.
  public static func slashDotPrefix(of root: [UInt8]) -> [UInt8]? {
    guard root.count >= 3 else { return nil }
    for index in 0...(root.count - 3) where root[index...].starts(with: [slash, dot, slash]) {
      return index == 0 ? nil : normalized(Array(root[..<index])) + [slash]
    }
    return nil
  }
}
