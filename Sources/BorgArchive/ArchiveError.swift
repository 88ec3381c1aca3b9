import BorgFormat

/// What can go wrong between a repository and its archives (keys.md section 10, json.md section 5).
public enum ArchiveError: Error, Equatable, Sendable {
  // Manifest
  case noManifest
  case unsupportedManifest
  case mandatoryFeatureUnsupported([String])
  // Archives
  case alreadyExists(name: [UInt8])
  case doesNotExist(name: [UInt8])
  case archiveTooBig
  // TAM
  case archiveTAMInvalid
  case archiveTAMRequired(name: [UInt8])
  case manifestTAMInvalid
  case manifestTAMRequired
  case unsupportedTAMSuite(context: String, suite: String)
  // Keys
  case keyfileInvalid(location: String, path: String)
  case keyfileMismatch(location: String, path: String)
  case keyfileNotFound(location: String, directory: String)
  case notABorgKeyFile
  case repoKeyNotFound(location: String)
  case repoIDMismatch
  case unencryptedRepo
  case unsupportedPayload(UInt8)
  // Passphrases
  case noPassphrase(String)
  case passcommandFailure(String)
  case passphraseWrong
  case passwordRetriesExceeded
  // Local state
  case cacheInitAborted
  case encryptionMethodMismatch
  case repositoryAccessAborted
  case repositoryIDNotUnique
  case repositoryReplay
  // Others
  case cancelledByUser
  /// Borg's `CommandError` (rc 4): the text without its `Command Error: `.
  case command(String)
  /// Borg's plain `Error` (rc 2): the text without its `Error: `.
  case plain(String)
  /// A bad --pattern or patterns-file line (rc 4 modern; prints the text alone).
  case badPattern(String)
  /// Placeholder problems (rc 6 and 5 modern).
  case invalidPlaceholder(name: String, text: String)
  case placeholderFormat(String)
}
