import BorgFormat

/// Shell-style pattern for whole archive names (section 3); an empty one means all.
public struct ArchiveNameGlob: Sendable {
  private let automaton: GlobAutomaton

  /// Throws `ArchiveError.plain` for a reversed range.
  public init(_ glob: [UInt8]) throws {
    automaton = try GlobAutomaton(glob.isEmpty ? [UInt8(ascii: "*")] : glob, .shell)
  }

  public func matches(_ name: [UInt8]) -> Bool { name.withUnsafeBytes { matches($0) } }

  public func matches(_ name: UnsafeRawBufferPointer) -> Bool { automaton.matches(name, appendingSlash: false) }
}

/// Shell-style match of a whole archive name (section 3).
public func archiveName(_ name: [UInt8], matchesGlob glob: [UInt8]) throws -> Bool {
  try ArchiveNameGlob(glob).matches(name)
}
