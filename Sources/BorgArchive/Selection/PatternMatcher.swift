import BorgFormat

/// fm, sh, re, pp and pf (patterns-and-formats.md section 1).
public enum PatternStyle: String, Sendable, CaseIterable { case fm, sh, re, pp, pf }

/// What an instruction does with the paths it matches.
public enum PatternAction: Sendable {
  case include
  /// `-`: left out, but directories are entered.
  case exclude
  /// `!`, --exclude: left out and not entered.
  case excludeNoRecurse
}

/// One line of --pattern / --patterns-from.
public enum PatternInstruction: Sendable {
  case root([UInt8])
  case style(PatternStyle)
  case pattern(PatternAction, PathPattern)
  /// Throws `ArchiveError.badPattern` or `.plain` in Borg's words.
  public init(parsing line: [UInt8], fallbackStyle: PatternStyle) throws {
    fatalError("contract: BorgArchive selection")
  }
}

/// One compiled pattern, on bytes. Immutable and thread-safe.
public final class PathPattern: Sendable {
  /// Parses `[SS:]PATTERN`.
  public init(parsing text: [UInt8], fallbackStyle: PatternStyle) throws {
    fatalError("contract: BorgArchive selection")
  }
  public func matches(_ path: UnsafeRawBufferPointer) -> Bool { fatalError("contract: BorgArchive selection") }
}

/// The ordered instructions of a command line and what they say of a path (1.11).
public final class PatternMatcher: @unchecked Sendable {
  public struct Decision: Sendable, Equatable {
    public var isIncluded: Bool
    /// Whether an excluded directory is entered all the same.
    public var recurses: Bool
  }

  /// `fallback`: what a path is that nothing matches.
  public init(fallback: Bool) { fatalError("contract: BorgArchive selection") }
  public func add(_ action: PatternAction, _ pattern: PathPattern) { fatalError("contract: BorgArchive selection") }
  /// Positional PATHs of extract, list, …: include patterns (default style pp) whose matches are counted; sets the
  /// fallback to exclude when there are any.
  public func addIncludePaths(_ paths: [[UInt8]]) throws { fatalError("contract: BorgArchive selection") }
  public func decide(_ path: [UInt8]) -> Decision { fatalError("contract: BorgArchive selection") }
  public func decide(_ path: UnsafeRawBufferPointer) -> Decision { fatalError("contract: BorgArchive selection") }
  /// Include paths that never matched, as typed (not pf).
  public var unmatchedIncludePaths: [[UInt8]] { fatalError("contract: BorgArchive selection") }
  /// Nothing to decide: everything is included.
  public var isEmpty: Bool { fatalError("contract: BorgArchive selection") }
  /// Parses a --patterns-from or --exclude-from file's text into lines (stripped, without comments).
  public static func lines(of file: [UInt8]) -> [[UInt8]] { fatalError("contract: BorgArchive selection") }
}

/// Shell-style match of a whole archive name (section 3).
public func archiveName(_ name: [UInt8], matchesGlob glob: [UInt8]) throws -> Bool {
  fatalError("contract: BorgArchive selection")
}
