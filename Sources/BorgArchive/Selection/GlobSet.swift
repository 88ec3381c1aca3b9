/// A set of characters as `[...]` gives it.
struct GlobSet: Sendable, Equatable {
  private var ranges: [ClosedRange<UInt32>] = []
  private var isNegated = false

  /// Every character.
  static let any = GlobSet(ranges: [], isNegated: true)
  static let anyButSlash = GlobSet(ranges: [Sign.slash...Sign.slash], isNegated: true)

  private init(ranges: [ClosedRange<UInt32>], isNegated: Bool) {
    self.ranges = ranges
    self.isNegated = isNegated
  }

  func contains(_ character: UInt32) -> Bool {
    ranges.contains { $0.contains(character) } != isNegated
  }

  /// The text between the brackets in shell style. A hyphen at either end is ordinary. Throws `ArchiveError.plain` on
  /// a reversed range.
  init(shell content: [UInt32]) throws {
    isNegated = content.first == Sign.exclamation
    var rest = content.dropFirst(isNegated ? 1 : 0)
    while let low = rest.popFirst() {
      guard rest.first == Sign.hyphen, rest.count > 1 else {
        ranges.append(low...low)
        continue
      }
      let high = rest.removeFirst(2)
      guard low <= high else { throw ArchiveError.plain("bad character range in pattern") }
      ranges.append(low...high)
    }
  }

  /// The text between the brackets in fnmatch style. Reversed ranges are left out.
  ///
  /// Hyphens that make ranges cut the content into chunks: the last character of one and the first of the next are a
  /// range. The first character of all and the one after a range's end cannot be such a hyphen.
  init(fnmatch content: [UInt32]) {
    var chunks = Self.chunks(content)
    for index in chunks.indices.dropFirst().reversed() {
      guard let low = chunks[index - 1].last, let high = chunks[index].first, low > high else { continue }
      chunks[index - 1] = chunks[index - 1].dropLast() + chunks[index].dropFirst()
      chunks.remove(at: index)
    }
    isNegated = chunks[0].first == Sign.exclamation
    if isNegated { chunks[0] = chunks[0].dropFirst() }
    for (index, chunk) in chunks.enumerated() {
      ranges += chunk.map { $0...$0 }
      guard index > 0 else { continue }
      guard let low = chunks[index - 1].last, let high = chunk.first, low <= high else {
        ranges.append(Sign.hyphen...Sign.hyphen)
        continue
      }
      ranges.append(low...high)
    }
  }

  private static func chunks(_ content: [UInt32]) -> [ArraySlice<UInt32>] {
    var chunks: [ArraySlice<UInt32>] = []
    var start = 0
    var search = content.first == Sign.exclamation ? 2 : 1
    while let hyphen = content.indices.dropFirst(search).first(where: { content[$0] == Sign.hyphen }) {
      chunks.append(content[start..<hyphen])
      start = hyphen + 1
      search = hyphen + 3
    }
    if start < content.count || chunks.isEmpty {
      chunks.append(content[start...])
    } else {
      chunks[chunks.count - 1].append(Sign.hyphen)
    }
    return chunks
  }
}

extension ArraySlice {
  /// Drops `count` elements and returns the last of them.
  fileprivate mutating func removeFirst(_ count: Int) -> Element {
    let element = self[startIndex + count - 1]
    self = dropFirst(count)
    return element
  }
}
