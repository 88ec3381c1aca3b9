/// A help text as blocks, so that terminals and manual pages can lay it out by their width: paragraphs, lists of terms
/// with explanations, and what must keep its lines. Blocks are apart by an empty line.
struct ManualText {
  enum Block {
    case paragraph(String)
    /// Explanations begin at this column.
    case definitions(column: Int, [(term: String, text: String)])
    case verbatim([String])
  }

  let blocks: [Block]
  /// What follows the line `Examples:`, without that line; empty when there is none.
  let examples: [Block]

  init(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let groups = lines.split { $0.trimmingSpaces().isEmpty }.map(Array.init)
    let start = groups.firstIndex { $0 == ["Examples:"] || $0 == ["Example:"] } ?? groups.count
    let end = groups.dropFirst(start + 1).firstIndex { !$0.allSatisfy { $0.hasPrefix("    ") } } ?? groups.count
    blocks = (groups[..<start] + groups[end...]).map(ManualText.block)
    examples = groups[..<end].dropFirst(start + 1).map { .verbatim($0.map { String($0.dropFirst(4)) }) }
  }

  private static func block(_ lines: [String]) -> Block {
    guard lines.contains(where: { $0.hasPrefix(" ") || split($0) != nil }) else {
      return .paragraph(lines.joined(separator: " "))
    }
    return definitions(lines) ?? .verbatim(lines)
  }

  /// Nil when the lines are no list of terms: they have several columns, or texts at several columns.
  private static func definitions(_ lines: [String]) -> Block? {
    guard let column = lines.lazy.compactMap({ split($0)?.column }).first else { return nil }
    var entries: [(term: String, text: String)] = []
    for line in lines {
      let text: String
      if line.hasPrefix(" ") {
        guard !entries.isEmpty, line.prefix(while: { $0 == " " }).count == column else { return nil }
        text = String(line.dropFirst(column))
        entries[entries.count - 1].text += (entries[entries.count - 1].text.isEmpty ? "" : " ") + text
      } else if let (term, start) = split(line) {
        guard start == column else { return nil }
        text = String(line.dropFirst(column))
        entries.append((term, text))
      } else {
        text = ""
        entries.append((line, text))
      }
      if split(text) != nil { return nil }
    }
    return .definitions(column: column, entries)
  }

  /// What stands before the first run of blanks, and where the text after it begins.
  private static func split(_ line: String) -> (term: String, column: Int)? {
    let characters = Array(line)
    guard let gap = characters.indices.dropLast().first(where: { characters[$0] == " " && characters[$0 + 1] == " " }),
      gap > 0, let column = characters[gap...].firstIndex(where: { $0 != " " })
    else { return nil }
    return (String(characters[..<gap]), column)
  }
}

extension ManualText {
  /// Adds the blocks to a manual page.
  func write(to page: inout Roff) {
    for block in blocks { ManualText.write(block, to: &page) }
  }

  /// Adds the examples as a section of their own.
  func writeExamples(to page: inout Roff) {
    guard !examples.isEmpty else { return }
    page.section("EXAMPLES")
    for block in examples { ManualText.write(block, to: &page) }
  }

  private static func write(_ block: Block, to page: inout Roff) {
    switch block {
    case .paragraph(let text): page.paragraph(text)
    case .verbatim(let lines): page.verbatim(lines)
    case .definitions(let column, let entries):
      page.separate()
      page.markup(".PD 0")
      for (term, text) in entries { page.entry(Roff.bold(term), text, indent: min(column, 30)) }
      page.markup(".PD")
    }
  }
}
