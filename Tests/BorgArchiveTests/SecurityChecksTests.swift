import BorgFormat
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgArchive

@Suite struct SecurityChecksTests {
  @Test(arguments: VectorRepository.modes)
  func `only unknown repositories that are not encrypted are asked about`(mode: String) throws {
    let vector = try VectorRepository(mode)
    let isOpen = mode == "none" || mode.hasPrefix("authenticated")
    let refusing = RecordingMonitor(answers: [false])
    if isOpen {
      #expect(throws: ArchiveError.cacheInitAborted) { try vector.open(refusing) }
      #expect(vector.recorded("location") == nil)
    } else {
      _ = try vector.open(refusing)
    }
    let expected =
      "Warning: Attempting to access a previously unknown unencrypted repository!\nDo you want to continue? [yN] "
    #expect(refusing.questions.map(\.text) == (isOpen ? [expected] : []))
    let accepting = RecordingMonitor(answers: [true])
    _ = try vector.open(accepting)
    let later = RecordingMonitor()
    _ = try vector.open(later)
    #expect(later.questions.isEmpty)
  }

  @Test func `a moved repository is asked about and then known at its new place`() throws {
    let vector = try VectorRepository("repokey")
    try vector.remember(["location": "/srv/old"])
    let refusing = RecordingMonitor(answers: [false])
    #expect(throws: ArchiveError.repositoryAccessAborted) { try vector.open(refusing) }
    #expect(
      refusing.questions.map(\.text) == [
        "Warning: The repository at location /srv/repokey was previously located at /srv/old\n"
          + "Do you want to continue? [yN] "
      ])
    #expect(refusing.questions.first?.environmentVariable == "BORG_RELOCATED_REPO_ACCESS_IS_OK")
    #expect(vector.recorded("location") == "/srv/old")
    _ = try vector.open(RecordingMonitor(answers: [true]))
    #expect(vector.recorded("location") == "/srv/repokey")
    let later = RecordingMonitor()
    _ = try vector.open(later)
    #expect(later.questions.isEmpty)
  }

  @Test func `the cache's place beats the security directory's and is brought up to date`() throws {
    let vector = try VectorRepository("repokey")
    try vector.remember()
    let cache = Cache.directory(of: vector.repository.id, environment: vector.environment)
    try Files.makeDirectories(Array(cache.utf8))
    let config =
      "[cache]\nversion = 1\nrepository = \(vector.repository.id.hex)\nmanifest = \nprevious_location = /srv/cached\nkey_type = 3\n\n"
    try Files.replace(Array("\(cache)/config".utf8), with: Array(config.utf8))
    let monitor = RecordingMonitor(answers: [true])
    _ = try vector.open(monitor)
    #expect(monitor.questions.count == 1)
    #expect(monitor.questions.first?.text.contains("previously located at /srv/cached\n") == true)
    let recorded = Cache.recorded(repositoryID: vector.repository.id, environment: vector.environment)
    #expect(recorded?.previousLocation == "/srv/repokey")
    #expect(recorded?.keyType == "3")
  }

  @Test func `another kind of key than before is refused`() throws {
    let vector = try VectorRepository("repokey")
    try vector.remember(["key-type": "2"])
    #expect(throws: ArchiveError.encryptionMethodMismatch) { try vector.open() }
  }

  @Test func `a manifest older than one seen before is refused`() throws {
    for (mode, error) in [("repokey", ArchiveError.repositoryReplay), ("none", .repositoryIDNotUnique)] {
      let vector = try VectorRepository(mode)
      try vector.remember(["manifest-timestamp": "2026-11-22T10:59:59.000000"])
      #expect(throws: error) { try vector.open() }
      #expect(throws: Never.self) { try vector.open(assertsSecure: false) }
    }
  }

  @Test func `an authenticated manifest keeps the marker in step`() throws {
    let vector = try VectorRepository("none")
    try vector.remember()
    let security = SecurityManager(repositoryID: vector.repository.id, environment: vector.environment)
    try security.setTAMRequiredMarker(true)
    _ = try vector.open()
    #expect(!security.tamRequiredMarker)
  }
}
