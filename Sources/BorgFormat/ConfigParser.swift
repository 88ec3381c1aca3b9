/// Reads an INI file line by line with the rules of Python's configparser: strict, `#` and `;` comment lines, indented
/// lines and empty ones continue a value.
struct ConfigParser {
  private typealias Line = ArraySlice<Unicode.Scalar>

  private(set) var sections: [ConfigFile.Section] = []
  private var current: Int?
  /// The lines of the option that indented lines continue; nil after a section's header.
  private var value: [String]?
  private var indentation = 0

  mutating func parse(_ text: String) throws {
    for line in Self.lines(of: text) { try read(line) }
    finishOption()
  }

  private mutating func read(_ line: Line) throws {
    let content = Self.stripped(line)
    if content.isEmpty {
      value?.append("")
      return
    }
    guard content.first != "#", content.first != ";" else { return }
    let indentation = line.prefix(while: \.isPythonWhitespace).count
    if value != nil, indentation > self.indentation {
      value?.append(Self.text(content))
      return
    }
    self.indentation = indentation
    finishOption()
    if let name = Self.sectionName(content) { return try beginSection(name) }
    guard let current else { throw FormatError("config: a line stands before the first section") }
    try beginOption(content, in: current)
  }

  private mutating func beginSection(_ name: String) throws {
    current = sections.firstIndex { $0.name == name }
    if current == nil {
      current = sections.count
      sections.append(.init(name: name))
    } else if name != "DEFAULT" {
      throw FormatError("config: section '\(name)' already exists")
    }
  }

  private mutating func beginOption(_ line: Line, in section: Int) throws {
    guard let delimiter = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
      throw FormatError("config: a line is neither a section nor an option")
    }
    let name = Self.text(Self.stripped(line[..<delimiter])).lowercased()
    guard !name.isEmpty else { throw FormatError("config: an option has no name") }
    guard sections[section][name] == nil else {
      throw FormatError("config: option '\(name)' in section '\(sections[section].name)' already exists")
    }
    sections[section][name] = ""
    value = [Self.text(Self.stripped(line[(delimiter + 1)...]))]
  }

  /// Joins the value's lines and gives them to the last option read.
  private mutating func finishOption() {
    guard let lines = value, let current, let last = sections[current].options.indices.last else { return }
    value = nil
    var joined = ArraySlice(lines.joined(separator: "\n").unicodeScalars)
    while joined.last?.isPythonWhitespace == true { joined.removeLast() }
    sections[current].options[last].value = Self.text(joined)
  }

  /// `[NAME]`, whatever follows; the last bracket of the line ends the name.
  private static func sectionName(_ line: Line) -> String? {
    guard line.first == "[", let end = line.lastIndex(of: "]"), end > line.startIndex + 1 else { return nil }
    return text(line[(line.startIndex + 1)..<end])
  }

  /// Lines without their ends, which are `\n`, `\r\n` or `\r`.
  private static func lines(of text: String) -> [Line] {
    let scalars = Array(text.unicodeScalars)
    var lines: [Line] = []
    var start = 0
    var index = 0
    while index < scalars.count {
      let scalar = scalars[index]
      index += 1
      guard scalar == "\n" || scalar == "\r" else { continue }
      lines.append(scalars[start..<index - 1])
      if scalar == "\r", index < scalars.count, scalars[index] == "\n" { index += 1 }
      start = index
    }
    if start < scalars.count { lines.append(scalars[start...]) }
    return lines
  }

  private static func stripped(_ line: Line) -> Line {
    var line = line.drop(while: \.isPythonWhitespace)
    while line.last?.isPythonWhitespace == true { line.removeLast() }
    return line
  }

  private static func text(_ scalars: Line) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return String(text)
  }
}

extension Unicode.Scalar {
  /// What Python's `str.isspace` and `str.strip` take for white space.
  public var isPythonWhitespace: Bool {
    switch value {
    case 0x09...0x0d, 0x1c...0x20, 0x85, 0xa0, 0x1680, 0x2000...0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000: true
    default: false
    }
  }
}
