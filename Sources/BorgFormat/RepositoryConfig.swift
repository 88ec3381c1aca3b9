/// An INI file as Python's configparser (no interpolation) reads and rewrites it: the repository's `config` and the
/// cache's (repository.md section 3, caches.md 3.1). Unknown sections and options are kept.
public struct ConfigFile: Sendable, Equatable {
  /// Throws `FormatError` on a repeated section or option, a line outside any section, or unparsable text.
  public init(parsing text: [UInt8]) throws { fatalError("contract: BorgFormat") }
  public init() {}
  public func hasSection(_ section: String) -> Bool { fatalError("contract: BorgFormat") }
  public func options(in section: String) -> [(name: String, value: String)] { fatalError("contract: BorgFormat") }
  /// Option names are case-insensitive. Setting creates the section; nil removes the option.
  public subscript(section: String, option: String) -> String? {
    get { fatalError("contract: BorgFormat") }
    set { fatalError("contract: BorgFormat") }
  }
  /// `name = value` lines, a blank line after each section, continuation lines prefixed with a TAB.
  public func encoded() -> [UInt8] { fatalError("contract: BorgFormat") }
}
