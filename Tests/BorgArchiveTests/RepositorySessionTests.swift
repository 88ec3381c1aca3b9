import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Synchronization
import Testing

@testable import BorgArchive

@Suite struct RepositorySessionTests {
  @Test(arguments: VectorRepository.modes)
  func `every mode opens with its passphrase`(mode: String) throws {
    let vector = try VectorRepository(mode)
    let session = try vector.open()
    #expect(session.key.type.modeName == mode)
    #expect(session.manifest.archives.map { String(decoding: $0.name, as: UTF8.self) } == ["first", "second"])
    #expect((session.keyTarget != nil) == mode.hasPrefix("keyfile"))
    #expect(vector.recorded("key-type") == vector.security.first { $0.name == "key-type" }?.text)
    #expect(vector.recorded("location") == "/srv/\(mode)")
    #expect(
      vector.recorded("manifest-timestamp") == vector.security.first { $0.name == "manifest-timestamp" }?.text)
    #expect((vector.recorded("tam_required") != nil) == (mode != "none"))
  }

  @Test(arguments: VectorRepository.modes)
  func `a wrong passphrase from the environment is told at once`(mode: String) throws {
    guard mode != "none" else { return }
    var vector = try VectorRepository(mode)
    vector.environment.variables["BORG_PASSPHRASE"] = "wrong"
    #expect(throws: ArchiveError.passphraseWrong) { try vector.open() }
  }

  @Test func `without a source the user is asked three times`() throws {
    var vector = try VectorRepository("repokey")
    vector.environment.variables["BORG_PASSPHRASE"] = nil
    let terminal = ScriptedTerminal(["no", "wrong", vector.passphrase])
    var context = SessionContext(environment: vector.environment, monitor: RecordingMonitor(answers: [true]))
    context.terminal = terminal.terminal
    _ = try RepositorySession(repository: vector.repository, operations: [.read], context: context)
    #expect(terminal.prompts == Array(repeating: "Enter passphrase for key /srv/repokey: ", count: 3))
    let stubborn = ScriptedTerminal(["a", "b", "c", vector.passphrase])
    context.terminal = stubborn.terminal
    #expect(throws: ArchiveError.passwordRetriesExceeded) {
      try RepositorySession(repository: vector.repository, operations: [.read], context: context)
    }
    context.terminal = ScriptedTerminal([]).terminal
    #expect(
      throws: ArchiveError.noPassphrase(
        "BORG_PASSPHRASE is not set. BORG_PASSCOMMAND is not set. Interactive password query failed.")
    ) { try RepositorySession(repository: vector.repository, operations: [.read], context: context) }
  }

  @Test func `a repository without manifest, key or known type is told apart`() throws {
    let vector = try VectorRepository("repokey")
    let manifest = try vector.repository.get(.manifest)
    vector.repository.replace(.manifest, with: nil)
    #expect(throws: ArchiveError.noManifest) { try vector.open() }
    vector.repository.replace(.manifest, with: [9] + manifest.dropFirst())
    #expect(throws: ArchiveError.unsupportedPayload(9)) { try vector.open() }
    vector.repository.replace(.manifest, with: [])
    #expect(throws: IntegrityError.self) { try vector.open() }
    vector.repository.replace(.manifest, with: manifest)
    try vector.repository.saveKey([])
    #expect(throws: ArchiveError.repoKeyNotFound(location: "/srv/repokey")) { try vector.open() }
    try vector.repository.saveKey(Array("AAAA".utf8))
    #expect(throws: ArchiveError.keyfileInvalid(location: "/srv/repokey", path: "(repokey)")) { try vector.open() }
  }

  @Test func `a damaged manifest is refused`() throws {
    for mode in VectorRepository.modes {
      let vector = try VectorRepository(mode)
      var manifest = try vector.repository.get(.manifest)
      manifest[manifest.count - 20] ^= 1
      vector.repository.replace(.manifest, with: manifest)
      #expect(throws: (any Error).self, "\(mode)") { try vector.open() }
    }
  }

  @Test func `key files are found by content, and BORG_KEY_FILE alone counts when set`() throws {
    var vector = try VectorRepository("keyfile")
    let keys = vector.environment.keysDirectory
    #expect(try vector.open().keyTarget == "\(keys)/srv_keyfile")
    let elsewhere = "\(vector.home.path)/elsewhere"
    try Files.rename(Array("\(keys)/srv_keyfile".utf8), Array(elsewhere.utf8))
    #expect(throws: ArchiveError.keyfileNotFound(location: "/srv/keyfile", directory: keys)) { try vector.open() }
    vector.environment.variables["BORG_KEY_FILE"] = elsewhere
    #expect(try vector.open().keyTarget == elsewhere)
    let text = try Files.read(Array(elsewhere.utf8))
    try Files.replace(
      Array(elsewhere.utf8), with: Array("BORG_KEY ".utf8) + Array(repeating: 0x30, count: 64) + text.dropFirst(73))
    #expect(throws: ArchiveError.keyfileMismatch(location: "/srv/keyfile", path: elsewhere)) { try vector.open() }
    try Files.replace(Array(elsewhere.utf8), with: Array("BORG_KEX ".utf8) + text.dropFirst(9))
    #expect(throws: ArchiveError.keyfileInvalid(location: "/srv/keyfile", path: elsewhere)) { try vector.open() }
  }

  @Test func `an unsupported feature stops only the operations that need it`() throws {
    let packed = try Hex.decode(Fixtures.vectors("archives")["manifest_with_feature_flags_without_tam"].text)
    let data = try ManifestData(decoding: packed.required("bad hex"))
    let vector = try VectorRepository("none")
    let session = try vector.open()
    session.manifest = Manifest(data: data)
    #expect(throws: ArchiveError.mandatoryFeatureUnsupported(["foo"])) { try session.checkFeatures([.write, .read]) }
    try session.checkFeatures([.write, .delete, .check])
    #expect(session.mandatoryFeatures == ["read": ["foo"]])
  }

  @Test func `authenticated repositories open without their key when the user says so`() throws {
    for mode in ["authenticated", "authenticated-blake2"] {
      var vector = try VectorRepository(mode)
      try vector.repository.saveKey(Array("lost".utf8))
      vector.environment.variables["BORG_PASSPHRASE"] = "forgotten"
      vector.environment.variables["BORG_WORKAROUNDS"] = "retry_erofs,authenticated_no_key"
      let session = try vector.open()
      let archive = try Archive(named: Array("first".utf8), in: session)
      var count = 0
      try archive.forEachItem { _ in
        count += 1
        return true
      }
      #expect(count == 10)
      #expect(!archive.isAuthenticated)
      #expect(throws: ArchiveError.self) { try session.writeManifest() }
    }
  }

  @Test(arguments: VectorRepository.modes)
  func `a written manifest is newer, authenticated and read back`(mode: String) throws {
    let vector = try VectorRepository(mode)
    let session = try vector.open()
    let old = session.manifest.data.timestamp ?? []
    let entry = try #require(session.manifest.entry(named: Array("first".utf8)))
    session.manifest.set(Manifest.Entry(name: Array("third".utf8), id: entry.id, time: entry.time))
    session.manifest.remove(named: Array("second".utf8))
    try session.writeManifest()
    #expect(old.lexicographicallyPrecedes(session.manifest.data.timestamp ?? []))
    let again = try vector.open()
    #expect(again.manifest.archives.map { String(decoding: $0.name, as: UTF8.self) } == ["first", "third"])
    #expect(again.manifest.data.timestamp == session.manifest.data.timestamp)
    #expect(again.manifestID == session.manifestID)
    #expect(again.manifest.data.tam != nil)
  }

  @Test func `a clock that went back does not turn the manifest's time back`() throws {
    let vector = try VectorRepository("none")
    var context = SessionContext(environment: vector.environment, monitor: RecordingMonitor(answers: [true]))
    context.clock = Clock(now: { 0 }, monotonic: { 0 })
    let session = try RepositorySession(repository: vector.repository, operations: [], context: context)
    #expect(session.manifest.data.timestamp == Array("2026-11-22T10:39:51.678207".utf8))
    try session.writeManifest()
    #expect(session.manifest.data.timestamp == Array("2026-11-22T10:39:51.678208".utf8))
  }
}

/// A user who types what the test wants.
final class ScriptedTerminal: Sendable {
  private struct State {
    var answers: [String]
    var prompts: [String] = []
    var shown: [String] = []
  }

  private let state: Mutex<State>

  init(_ answers: [String]) {
    state = Mutex(State(answers: answers))
  }

  var prompts: [String] { state.withLock { $0.prompts } }
  var shown: [String] { state.withLock { $0.shown } }

  var terminal: PassphraseTerminal {
    PassphraseTerminal(
      readPassphrase: { [self] prompt in
        state.withLock { state in
          state.prompts.append(prompt)
          return state.answers.isEmpty ? nil : Array(state.answers.removeFirst().utf8)
        }
      },
      show: { [self] line in state.withLock { $0.shown.append(line) } })
  }
}
