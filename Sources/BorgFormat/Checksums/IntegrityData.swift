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
    var running = RunningIntegrity(algorithm, fileName: fileName, headerLength: headerLength)
    running.update(file)
    digests = running.finished()
  }

  /// True when `file` has these digests, or when the algorithm is unknown to Borg (not checked then: see
  /// `isAlgorithmKnown`). A part that has no digest here counts as a mismatch.
  public func verifies(fileName: String, file: UnsafeRawBufferPointer, headerLength: Int?) -> Bool {
    var running = running(fileName: fileName, headerLength: headerLength)
    running.update(file)
    return verifies(running)
  }

  /// To be given the bytes of a file piece by piece.
  public func running(fileName: String, headerLength: Int?) -> RunningIntegrity {
    RunningIntegrity(algorithm, fileName: fileName, headerLength: headerLength)
  }

  /// The same as for a file that is held whole.
  public func verifies(_ running: consuming RunningIntegrity) -> Bool {
    running.finished().allSatisfy { part, digest in digests.last { $0.part == part }?.digest == digest }
  }

  /// False: Borg warns and does not check the file.
  public var isAlgorithmKnown: Bool { algorithm == "XXH64" || algorithm == "SHA512" }
}

/// The digests of a file in the making; none for an algorithm that is not known.
public struct RunningIntegrity: ~Copyable {
  private enum Hash {
    case xxh64(XXHash64)
    case sha512(SHA512)
    case unknown
  }

  private var hash: Hash
  private let headerLength: Int?
  private var byteCount = 0
  private var digests: [(part: String, digest: String)] = []

  init(_ algorithm: String, fileName: String, headerLength: Int?) {
    switch algorithm {
    case "XXH64": hash = .xxh64(XXHash64())
    case "SHA512": hash = .sha512(SHA512())
    default: hash = .unknown
    }
    self.headerLength = headerLength
    add(Self.padded(fileName.utf8.count) + fileName)
  }

  /// The file's next bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    if let headerLength, byteCount <= headerLength, byteCount + bytes.count >= headerLength, digests.isEmpty {
      let count = headerLength - byteCount
      add(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
      endPart(IntegrityData.headerPart, length: headerLength)
      rest = UnsafeRawBufferPointer(rebasing: bytes[count...])
    }
    add(rest)
    byteCount += bytes.count
  }

  /// A file shorter than its header has no part for it.
  consuming func finished() -> [(part: String, digest: String)] {
    endPart(IntegrityData.finalPart, length: byteCount)
    return digests
  }

  private mutating func endPart(_ name: String, length: Int) {
    add(Self.padded(name.utf8.count) + name + String(length))
    switch hash {
    case .xxh64(let hash): digests.append((name, hash.hexDigest))
    case .sha512(let hash): digests.append((name, Hex.encode(hash.digest())))
    case .unknown: break
    }
  }

  private mutating func add(_ text: String) { Array(text.utf8).withUnsafeBytes { add($0) } }

  private mutating func add(_ bytes: UnsafeRawBufferPointer) {
    switch hash {
    case .xxh64(var running):
      running.update(bytes)
      hash = .xxh64(running)
    case .sha512(var running):
      running.update(bytes)
      hash = .sha512(running)
    case .unknown: break
    }
  }

  /// Decimal, right-aligned in ten columns.
  private static func padded(_ count: Int) -> String {
    let digits = String(count)
    return String(repeating: " ", count: max(0, 10 - digits.utf8.count)) + digits
  }
}
