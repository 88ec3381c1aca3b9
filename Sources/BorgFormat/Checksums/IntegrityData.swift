/// The JSON digests that guard index, hints and cache files (repository.md 10.3, caches.md 3.2).
public struct IntegrityData: Sendable, Equatable {
  public var algorithm: String
  /// Part name to hex digest; written in the order given.
  public var digests: [(part: String, digest: String)]

  public static func == (a: IntegrityData, b: IntegrityData) -> Bool { a.json == b.json }
  /// Nil when unreadable or without a `final` digest.
  public init?(json: String) { fatalError("contract: BorgFormat") }
  public var json: String { fatalError("contract: BorgFormat") }

  /// The XXH64 digests of `file` under its final base name; `headerLength` (18) adds the part `HashHeader`.
  public init(fileName: String, file: UnsafeRawBufferPointer, headerLength: Int?) {
    fatalError("contract: BorgFormat")
  }
  /// True when `file` has these digests, or when the algorithm is unknown to Borg (not checked then).
  /// SHA512 is a caller's matter: `needsSHA512` tells, and `feed` gives the byte runs to hash.
  public func verifies(fileName: String, file: UnsafeRawBufferPointer, headerLength: Int?) -> Bool {
    fatalError("contract: BorgFormat")
  }
}
