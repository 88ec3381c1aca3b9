import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import Glibc

/// Reserves ranges of AES counter values durably before the first of them is used (keys.md section 5).
///
/// Two files remember the first value not yet reserved: one in the repository, which separates clients, and one in
/// this user's security directory, which survives a server that was rolled back. A reservation starts at the larger of
/// both, of what the manifest's own nonce tells and of what is held already, and is written to the repository first,
/// then locally, before anything is encrypted with it. Nothing is ever given back. Decryption moves no counter.
struct NonceReservation: Sendable {
  private let repository: any Repository
  private let type: KeyType
  private let context: SessionContext
  private let security: SecurityManager
  /// What the manifest's own nonce tells; nil in a repository that has no manifest yet.
  private let afterManifest: UInt64?

  /// Counter values that each reservation takes beyond what is needed: 4 GiB of data.
  private static let step: UInt64 = 1 << 28

  init(repository: any Repository, type: KeyType, manifestObject: [UInt8]?, context: SessionContext) {
    self.repository = repository
    self.type = type
    self.context = context
    security = SecurityManager(repositoryID: repository.id, environment: context.environment)
    afterManifest = manifestObject.map { NonceReservation.firstFree(after: $0, type) }
  }

  /// The contract of `NonceSource.Reserve`.
  func reserve(_ blocks: UInt64, heldEnd: UInt64?) throws -> Range<UInt64> {
    let stored = try repository.freeNonce()
    let local = try localFreeNonce()
    var base = max(stored ?? 0, local ?? 0, heldEnd ?? 0, afterManifest ?? 0)
    if stored == nil, local == nil, heldEnd == nil, afterManifest != nil { base = max(base, try firstFreeAfterAll()) }
    let (needed, overflow) = blocks.addingReportingOverflow(NonceReservation.step)
    let (end, overflow2) = base.addingReportingOverflow(needed)
    guard !overflow, !overflow2, end < .max else { throw ArchiveError.plain("The nonce space is exhausted.") }
    try repository.commitNonceReservation(next: end, start: stored)
    try commitLocally(end, previous: local)
    return base..<end
  }

  private func localFreeNonce() throws -> UInt64? {
    let text: [UInt8]
    do {
      text = try Files.read(security.path("nonce"), limit: 4096)
    } catch let error as SystemError where error.code == ENOENT {
      return nil
    }
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0d).contains($0) }
    let digits = String(decoding: text.drop(while: isSpace).reversed().drop(while: isSpace).reversed(), as: UTF8.self)
    guard let bytes = Hex.decode(digits) else {
      throw ArchiveError.plain("Local security dir has an invalid nonce file: Non-hexadecimal digit found")
    }
    guard bytes.count == 8 else {
      throw ArchiveError.plain(
        "Local security dir has an invalid nonce file: Expected 8 bytes (16 hex digits), got \(bytes.count) bytes.")
    }
    return bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func commitLocally(_ next: UInt64, previous: UInt64?) throws {
    guard try localFreeNonce() == previous else {
      throw ArchiveError.plain("nonce space reservation with mismatched previous state")
    }
    let digits = String(next, radix: 16)
    let text = String(repeating: "0", count: 16 - digits.utf8.count) + digits
    try security.write("nonce", text)
  }

  /// The first counter value after an object's own, counting its whole envelope: slightly too large, never too small.
  private static func firstFree(after object: [UInt8], _ type: KeyType) -> UInt64 {
    guard let byte = object.first, type.accepts(byte), object.count >= 41 else { return 0 }
    let nonce = object[33..<41].reduce(0) { $0 << 8 | UInt64($1) }
    let (next, overflow) = nonce.addingReportingOverflow(UInt64((object.count + 15) / 16))
    return overflow ? .max : next
  }

  /// With both files gone the manifest's nonce alone is no evidence: any object may carry a later one.
  private func firstFreeAfterAll() throws -> UInt64 {
    context.monitor.info(
      "No record of used nonces, looking at all objects of the repository ...", logger: "borg.crypto.nonces")
    var highest: UInt64 = 0
    try repository.forEachPage(of: 10_000) { ids in
      repository.announce(ids)
      for id in ids { highest = max(highest, NonceReservation.firstFree(after: try repository.get(id), type)) }
    }
    return highest
  }
}
