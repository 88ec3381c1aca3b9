import Testing

@testable import BorgArchive

@Suite struct ArchiveErrorTests {
  @Test(arguments: [
    (ArchiveError.noManifest, "Repository has no manifest."),
    (
      .mandatoryFeatureUnsupported(["foo", "it's"]),
      "Unsupported repository feature(s) ['foo', \"it's\"]. A newer version of Borg is required to access this repository."
    ),
    (.alreadyExists(name: Array("a".utf8)), "Archive a already exists"),
    (.archiveTAMInvalid, "Data integrity error: Archive authentication did not verify"),
    (
      .archiveTAMRequired(name: Array("x".utf8)),
      "Archive 'x' is unauthenticated, but it is required for this repository."
    ),
    (
      .unsupportedTAMSuite(context: "manifest", suite: "foo"),
      "Could not verify manifest: Unsupported suite \"'foo'\"; a newer version is needed."
    ),
    (
      .keyfileNotFound(location: "/srv/r", directory: "/home/u/.config/borg/keys"),
      "No key file for repository /srv/r found in /home/u/.config/borg/keys."
    ),
    (
      .unsupportedPayload(9),
      "Unsupported payload type 9. A newer version is required to access this repository."
    ),
    (.command("no"), "Command Error: no"),
    (.plain("no"), "Error: no"),
    (.cancelledByUser, "Cancelled by user."),
  ])
  func `errors speak Borg's words`(error: ArchiveError, text: String) {
    #expect(error.description == text)
  }
}
