/// An INI file as Python's configparser (no interpolation) reads and rewrites it: the repository's `config` and the
/// cache's (repository.md section 3, caches.md 3.1). Unknown sections and options are kept.
public struct ConfigFile: Sendable, Equatable {
  /// The section whose options all others inherit.
  private static let defaultSection = "DEFAULT"

  struct Option: Sendable, Equatable {
    var name: String
    var value: String
  }

  struct Section: Sendable, Equatable {
    var name: String
    var options: [Option] = []
  }

  private var defaults = Section(name: defaultSection)
  private var sections: [Section] = []

  public init() {}

  /// Throws `FormatError` on a repeated section or option, a line outside any section, or unparsable text.
  public init(parsing text: [UInt8]) throws {
    guard let text = String(validating: text, as: UTF8.self) else { throw FormatError("config: text is not UTF-8") }
    var parser = ConfigParser()
    try parser.parse(text)
    for section in parser.sections {
      if section.name == Self.defaultSection { defaults = section } else { sections.append(section) }
    }
  }

  public func hasSection(_ section: String) -> Bool { sections.contains { $0.name == section } }

  /// The options of a section in their order, inherited ones last.
  public func options(in section: String) -> [(name: String, value: String)] {
    guard let own = sections.first(where: { $0.name == section })?.options else { return [] }
    let inherited = defaults.options.filter { option in !own.contains { $0.name == option.name } }
    return (own + inherited).map { ($0.name, $0.value) }
  }

  /// Option names are case-insensitive. Setting creates the section; nil removes the option.
  public subscript(section: String, option: String) -> String? {
    get {
      let name = option.lowercased()
      guard let own = sections.first(where: { $0.name == section }) else { return nil }
      return own[name] ?? defaults[name]
    }
    set {
      let index = sections.firstIndex { $0.name == section }
      if index == nil { sections.append(Section(name: section)) }
      sections[index ?? sections.count - 1][option.lowercased()] = newValue
    }
  }

  /// `name = value` lines, a blank line after each section, continuation lines prefixed with a TAB.
  public func encoded() -> [UInt8] {
    var text: [UInt8] = []
    for section in (defaults.options.isEmpty ? [] : [defaults]) + sections {
      text.append(contentsOf: "[\(section.name)]\n".utf8)
      for option in section.options {
        text.append(contentsOf: "\(option.name) = ".utf8)
        for byte in option.value.utf8 {
          text.append(byte)
          if byte == UInt8(ascii: "\n") { text.append(UInt8(ascii: "\t")) }
        }
        text.append(UInt8(ascii: "\n"))
      }
      text.append(UInt8(ascii: "\n"))
    }
    return text
  }
}

extension ConfigFile.Section {
  subscript(name: String) -> String? {
    get { options.first { $0.name == name }?.value }
    set {
      let index = options.firstIndex { $0.name == name }
      switch (index, newValue) {
      case (let index?, let value?): options[index].value = value
      case (let index?, nil): options.remove(at: index)
      case (nil, let value?): options.append(.init(name: name, value: value))
      case (nil, nil): break
      }
    }
  }
}
