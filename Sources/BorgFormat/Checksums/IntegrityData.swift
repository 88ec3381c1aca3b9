/// The JSON digests that guard index, hints and cache files (repository.md 10.3, caches.md 3.2).
///
/// One running hash over the file's name and bytes; each part's digest is a snapshot at its end. So a file that was
/// renamed does not verify.
public struct IntegrityData: Sendable, Equatable {
  public static let headerPart = "HashHeader"
  public static let finalPart = "final"

  public var algorithm: String
  /// Part name to hex digest; written in the order given.
  public var digests: [(part: String, digest: String)]

  public static func == (a: IntegrityData, b: IntegrityData) -> Bool { a.json == b.json }

  /// Nil when unreadable or without a `final` digest.
  public init?(json: String) {
    guard let value = try? JSONValue(parsing: json), let algorithm = value["algorithm"]?.stringValue,
      let members = value["digests"]?.members
    else { return nil }
    self.algorithm = algorithm
    digests = []
    for member in members {
      guard let digest = member.value.stringValue else { return nil }
      digests.append((member.key, digest))
    }
    guard digests.contains(where: { $0.part == Self.finalPart }) else { return nil }
  }

  public var json: String {
    JSONValue.object([
      ("algorithm", .string(algorithm)), ("digests", .object(digests.map { ($0.part, .string($0.digest)) })),
    ]).text()
  }

  /// The XXH64 digests of `file` under its final base name; `headerLength` (18) adds the part `HashHeader`.
  public init(fileName: String, file: UnsafeRawBufferPointer, headerLength: Int?) {
    algorithm = "XXH64"
    digests = Self.xxh64Digests(fileName: fileName, file: file, headerLength: headerLength)
  }

  /// True when `file` has these digests, or when the algorithm is unknown to Borg (not checked then: see
  /// `isAlgorithmKnown`). A part that has no digest here counts as a mismatch.
  public func verifies(fileName: String, file: UnsafeRawBufferPointer, headerLength: Int?) -> Bool {
    let found: [(part: String, digest: String)]
    switch algorithm {
    case "XXH64": found = Self.xxh64Digests(fileName: fileName, file: file, headerLength: headerLength)
    case "SHA512": found = Self.sha512Digests(fileName: fileName, file: file, headerLength: headerLength)
    default: return true
    }
    return found.allSatisfy { part, digest in digests.last { $0.part == part }?.digest == digest }
  }

  /// False: Borg warns and does not check the file.
  public var isAlgorithmKnown: Bool { algorithm == "XXH64" || algorithm == "SHA512" }
}

extension IntegrityData {
  private static func xxh64Digests(
    fileName: String, file: UnsafeRawBufferPointer, headerLength: Int?
  ) -> [(part: String, digest: String)] {
    var hash = XXHash64()
    var digests: [(part: String, digest: String)] = []
    feed(fileName: fileName, file: file, headerLength: headerLength) { piece in
      switch piece {
      case .bytes(let bytes): hash.update(bytes)
      case .endOfPart(let part): digests.append((part, hash.hexDigest))
      }
    }
    return digests
  }

  private static func sha512Digests(
    fileName: String, file: UnsafeRawBufferPointer, headerLength: Int?
  ) -> [(part: String, digest: String)] {
    var hash = SHA512()
    var digests: [(part: String, digest: String)] = []
    feed(fileName: fileName, file: file, headerLength: headerLength) { piece in
      switch piece {
      case .bytes(let bytes): hash.update(bytes)
      case .endOfPart(let part): digests.append((part, Hex.encode(hash.digest())))
      }
    }
    return digests
  }

  private enum Piece {
    case bytes(UnsafeRawBufferPointer)
    case endOfPart(String)
  }

  /// Hands over the byte runs to hash and says where to take the digests. A file shorter than its header has no
  /// part for it.
  private static func feed(
    fileName: String, file: UnsafeRawBufferPointer, headerLength: Int?, _ take: (Piece) -> Void
  ) {
    func takeText(_ text: String) { Array(text.utf8).withUnsafeBytes { take(.bytes($0)) } }
    takeText(padded(fileName.utf8.count) + fileName)
    var start = 0
    if let headerLength, headerLength <= file.count {
      take(.bytes(UnsafeRawBufferPointer(rebasing: file[..<headerLength])))
      takeText(padded(headerPart.utf8.count) + headerPart + String(headerLength))
      take(.endOfPart(headerPart))
      start = headerLength
    }
    take(.bytes(UnsafeRawBufferPointer(rebasing: file[start...])))
    takeText(padded(finalPart.utf8.count) + finalPart + String(file.count))
    take(.endOfPart(finalPart))
  }

  /// Decimal, right-aligned in ten columns.
  private static func padded(_ count: Int) -> String {
    let digits = String(count)
    return String(repeating: " ", count: max(0, 10 - digits.utf8.count)) + digits
  }
}
