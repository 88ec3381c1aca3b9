import BorgFormat
import Synchronization

/// The ordered instructions of a command line and what they say of a path (1.11).
public final class PatternMatcher: @unchecked Sendable {
  // Instructions are added before the first decision; afterwards only the atomic marks change.

  public struct Decision: Sendable, Equatable {
    public var isIncluded: Bool
    /// Whether an excluded directory is entered all the same.
    public var recurses: Bool

    public init(isIncluded: Bool, recurses: Bool) {
      self.isIncluded = isIncluded
      self.recurses = recurses
    }
  }

  private struct Instruction {
    var decision: Decision
    var pattern: PathPattern
    /// For patterns of which someone wants to know whether they ever matched.
    var mark: Mark?
  }

  private final class Mark: Sendable {
    let isSet = Atomic(false)
  }

  private struct FullPath {
    var path: [UInt8]
    var decision: Decision
  }

  private var fallback: Bool
  private var instructions: [Instruction] = []
  /// The `pf` patterns by a hash of their path: they come before all others.
  private var fullPaths: [Int: [FullPath]] = [:]
  private var includePaths: [Instruction] = []

  /// `fallback`: what a path is that nothing matches.
  public init(fallback: Bool) {
    self.fallback = fallback
  }

  public func add(_ action: PatternAction, _ pattern: PathPattern) {
    add(Instruction(decision: Decision(action), pattern: pattern))
  }

  /// Positional PATHs of extract, list, …: include patterns (default style pp) whose matches are counted; sets the
  /// fallback to exclude when there are any.
  public func addIncludePaths(_ paths: [[UInt8]]) throws {
    includePaths = try paths.map { path in
      let pattern = try PathPattern(parsing: path, fallbackStyle: .pp)
      return Instruction(decision: Decision(.include), pattern: pattern, mark: Mark())
    }
    for instruction in includePaths { add(instruction) }
    fallback = paths.isEmpty
  }

  private func add(_ instruction: Instruction) {
    guard case .full(let path) = instruction.pattern.kind else { return instructions.append(instruction) }
    let hash = path.withUnsafeBytes { Self.hash($0) }
    var entries = (fullPaths[hash] ?? []).filter { $0.path != path }
    entries.append(FullPath(path: path, decision: instruction.decision))
    fullPaths[hash] = entries
  }

  public func decide(_ path: [UInt8]) -> Decision {
    path.withUnsafeBytes { decide($0) }
  }

  /// `path` may begin with slashes, which do not count.
  public func decide(_ path: UnsafeRawBufferPointer) -> Decision {
    if isEmpty { return Decision(isIncluded: fallback, recurses: true) }
    var path = path
    while path.first == UInt8(ascii: "/") { path = UnsafeRawBufferPointer(rebasing: path.dropFirst()) }
    if !fullPaths.isEmpty, let decision = fullPathDecision(path) { return decision }
    for instruction in instructions where instruction.pattern.matches(path) {
      if let mark = instruction.mark, !mark.isSet.load(ordering: .relaxed) {
        mark.isSet.store(true, ordering: .relaxed)
      }
      return instruction.decision
    }
    return Decision(isIncluded: fallback, recurses: true)
  }

  /// Whether anything that lies directly in a directory may be included; true when only its path can tell.
  public func mayInclude(in directory: UnsafeRawBufferPointer) -> Bool {
    guard !fallback, fullPaths.count <= PatternMatcher.maximumFullPathsToTry else { return true }
    var directory = directory
    while directory.first == UInt8(ascii: "/") { directory = UnsafeRawBufferPointer(rebasing: directory.dropFirst()) }
    return instructions.contains { $0.decision.isIncluded && $0.pattern.mayMatch(in: directory) }
      || fullPaths.values.joined().contains {
        $0.decision.isIncluded && PathPattern.isParent(directory, of: $0.path[...])
      }
  }

  private static let maximumFullPathsToTry = 64

  private func fullPathDecision(_ path: UnsafeRawBufferPointer) -> Decision? {
    fullPaths[Self.hash(path)]?.first { path.elementsEqual($0.path) }?.decision
  }

  private static func hash(_ path: UnsafeRawBufferPointer) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: path)
    return hasher.finalize()
  }

  /// Include paths that never matched, as typed (not pf).
  public var unmatchedIncludePaths: [[UInt8]] {
    includePaths.filter { path in
      if case .full = path.pattern.kind { return false }
      return path.mark?.isSet.load(ordering: .relaxed) == false
    }.map(\.pattern.text)
  }

  /// Patterns as typed whose matching was given up at least once because it took too long: they did not match there.
  public var patternsGivenUp: [[UInt8]] {
    instructions.map(\.pattern).filter(\.gaveUp).map(\.text)
  }

  /// Nothing to decide: every path is what the fallback says.
  public var isEmpty: Bool { instructions.isEmpty && fullPaths.isEmpty }

  /// Parses a --patterns-from or --exclude-from file's text into lines (stripped, without comments).
  public static func lines(of file: [UInt8]) -> [[UInt8]] { PatternText.lines(of: file) }
}

extension PatternMatcher.Decision {
  fileprivate init(_ action: PatternAction) {
    switch action {
    case .include: self.init(isIncluded: true, recurses: true)
    case .exclude: self.init(isIncluded: false, recurses: true)
    case .excludeNoRecurse: self.init(isIncluded: false, recurses: false)
    }
  }
}
