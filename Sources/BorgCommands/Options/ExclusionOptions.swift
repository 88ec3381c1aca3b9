import BorgArchive
import BorgSystem

/// -e, --exclude-from, --pattern and --patterns-from, in the order of the command line, which is their precedence
/// (patterns-and-formats.md 1.11).
struct ExclusionOptions {
  private(set) var instructions: [(PatternAction, PathPattern)] = []
  /// The paths of `R` lines that were given before the first PATH, and after it.
  private(set) var rootsBeforePaths: [[UInt8]] = []
  private(set) var rootsAfterPaths: [[UInt8]] = []
  private var isBehindPaths = false

  /// Reads pattern files. Throws `ArchiveError`.
  init(_ arguments: ParsedArguments) throws {
    for option in arguments.options {
      guard let value = option.value?.bytes else { continue }
      isBehindPaths = option.precedingPositionals > 1
      switch option.key {
      case "--exclude": try exclude(value)
      case "--exclude-from": try PatternMatcher.lines(of: read(value)).forEach { try exclude($0) }
      case "--pattern": _ = try add(value, style: .sh)
      case "--patterns-from": try addFile(value)
      default: break
      }
    }
  }

  private mutating func exclude(_ pattern: [UInt8]) throws {
    instructions.append((.excludeNoRecurse, try PathPattern(parsing: pattern, fallbackStyle: .fm)))
  }

  private mutating func addFile(_ path: [UInt8]) throws {
    var style = PatternStyle.sh
    for line in PatternMatcher.lines(of: try read(path)) { style = try add(line, style: style) }
  }

  /// Returns the style for the lines that follow.
  private mutating func add(_ line: [UInt8], style: PatternStyle) throws -> PatternStyle {
    switch try PatternInstruction(parsing: line, fallbackStyle: style) {
    case .root(let path):
      if isBehindPaths { rootsAfterPaths.append(path) } else { rootsBeforePaths.append(path) }
    case .style(let style): return style
    case .pattern(let action, let pattern): instructions.append((action, pattern))
    }
    return style
  }

  private func read(_ path: [UInt8]) throws -> [UInt8] {
    do { return try Files.read(path) } catch let error as SystemError {
      throw ArchiveError.plain(SystemError(code: error.code, path: path).description)
    }
  }

  /// The matcher of `create`: whatever nothing matches is included.
  func creationMatcher() -> PatternMatcher {
    let matcher = PatternMatcher(fallback: true)
    for (action, pattern) in instructions { matcher.add(action, pattern) }
    return matcher
  }

  /// The matcher of commands that read archives: PATHs include, and `R` lines, of which those before PATHs give way to
  /// these.
  func selectionMatcher(paths: [[UInt8]]) throws -> PatternMatcher {
    let matcher = PatternMatcher(fallback: true)
    for (action, pattern) in instructions { matcher.add(action, pattern) }
    try matcher.addIncludePaths((paths.isEmpty ? rootsBeforePaths : paths) + rootsAfterPaths)
    return matcher
  }

  static let declarations: [OptionDeclaration] = [
    OptionDeclaration(
      "-e", "--exclude", action: .value(.text), metavar: "PATTERN", group: .exclusion,
      help: "leave out paths that match PATTERN"),
    OptionDeclaration(
      "--exclude-from", action: .value(.text), metavar: "EXCLUDEFILE", group: .exclusion,
      help: "read exclude patterns from EXCLUDEFILE, one a line"),
    OptionDeclaration(
      "--pattern", action: .value(.text), metavar: "PATTERN", group: .exclusion,
      help: "include or exclude paths that match PATTERN"),
    OptionDeclaration(
      "--patterns-from", action: .value(.text), metavar: "PATTERNFILE", group: .exclusion,
      help: "read include and exclude patterns from PATTERNFILE, one a line"),
  ]

  static let tagDeclarations: [OptionDeclaration] = [
    OptionDeclaration(
      "--exclude-caches", group: .exclusion,
      help: "leave out directories with a CACHEDIR.TAG file (http://www.bford.info/cachedir/spec.html)"),
    OptionDeclaration(
      "--exclude-if-present", action: .value(.text), metavar: "NAME", group: .exclusion,
      help: "leave out directories that contain something called NAME"),
    OptionDeclaration(
      "--keep-exclude-tags", group: .exclusion,
      help: "of directories left out by --exclude-caches and --exclude-if-present keep the tag files"),
  ]

  static let stripDeclaration = OptionDeclaration(
    "--strip-components", action: .value(.integer), metavar: "NUMBER", group: .exclusion,
    help: "drop so many leading elements of each path; shorter paths are left out")
}
