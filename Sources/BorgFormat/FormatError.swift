/// Stored or received bytes that do not mean what they must. The text says what was wrong, in one line.
public struct FormatError: Error, Equatable, CustomStringConvertible {
  public var description: String
  /// How many bytes the broken value takes, when that is certain all the same: a reader of many may go on after them.
  public var skippableByteCount: Int?

  public init(_ description: String, skippableByteCount: Int? = nil) {
    self.description = description
    self.skippableByteCount = skippableByteCount
  }
}

/// Borg's IntegrityError (rc 90): bytes that fail a checksum, an authentication or a structural check.
public struct IntegrityError: Error, Equatable, CustomStringConvertible {
  /// What failed, without the `Data integrity error: ` that Borg prints before it.
  public var detail: String

  public init(_ detail: String) {
    self.detail = detail
  }

  public var description: String { "Data integrity error: \(detail)" }
}
