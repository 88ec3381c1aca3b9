import BorgFormat
import BorgSystem

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

/// The errors in Borg's own words, as scripts match them.
extension ArchiveError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noManifest: "Repository has no manifest."
    case .unsupportedManifest:
      "Unsupported manifest envelope. A newer version is required to access this repository."
    case .mandatoryFeatureUnsupported(let features):
      "Unsupported repository feature(s) \(PythonText.list(features)). "
        + "A newer version of Borg is required to access this repository."
    case .alreadyExists(let name): "Archive \(displayText(name)) already exists"
    case .doesNotExist(let name): "Archive \(displayText(name)) does not exist"
    case .archiveTooBig: "Error: More than allowed put data - archive too big (issue #1473)!"
    case .archiveTAMInvalid: "Data integrity error: Archive authentication did not verify"
    case .archiveTAMRequired(let name):
      "Archive '\(displayText(name))' is unauthenticated, but it is required for this repository."
    case .manifestTAMInvalid: "Data integrity error: Manifest authentication did not verify"
    case .manifestTAMRequired: "Manifest is unauthenticated, but it is required for this repository."
    case .unsupportedTAMSuite(_, let suite):
      // Borg quotes the name twice, and says "manifest" of archives too.
      "Could not verify manifest: Unsupported suite \(PythonText.quoted(PythonText.quoted(suite))); "
        + "a newer version is needed."
    default: accessDescription
    }
  }

  private var accessDescription: String {
    switch self {
    case .keyfileInvalid(let location, let path): "Invalid key data for repository \(location) found in \(path)."
    case .keyfileMismatch(let location, let path): "Mismatch between repository \(location) and key file \(path)."
    case .keyfileNotFound(let location, let directory): "No key file for repository \(location) found in \(directory)."
    case .notABorgKeyFile: "This file is not a Borg key backup, aborting."
    case .repoKeyNotFound(let location): "No key entry found in the config of repository \(location)."
    case .repoIDMismatch: "This key backup seems to be for a different backup repository, aborting."
    case .unencryptedRepo: "Key management not available for unencrypted repositories."
    case .unsupportedPayload(let type):
      "Unsupported payload type \(type). A newer version is required to access this repository."
    case .noPassphrase(let reason): "Cannot acquire a passphrase: \(reason)"
    case .passcommandFailure(let reason): "Passcommand supplied in BORG_PASSCOMMAND failed: \(reason)"
    case .passphraseWrong:
      "Passphrase supplied in BORG_PASSPHRASE, by BORG_PASSCOMMAND, or via BORG_PASSPHRASE_FD is incorrect."
    case .passwordRetriesExceeded: "Exceeded the maximum password retries."
    default: otherDescription
    }
  }

  private var otherDescription: String {
    switch self {
    case .cacheInitAborted: "Cache initialization aborted"
    case .encryptionMethodMismatch:
      "Repository encryption method changed since last access, refusing to continue"
    case .repositoryAccessAborted: "Repository access aborted"
    case .repositoryIDNotUnique:
      "Cache is newer than repository - do you have multiple, independently updated repos with same ID?"
    case .repositoryReplay:
      "Cache, or information obtained from the security directory is newer than repository - "
        + "this is either an attack or unsafe (multiple repos with same ID)"
    case .cancelledByUser: "Cancelled by user."
    case .command(let text): "Command Error: \(text)"
    case .plain(let text): "Error: \(text)"
    case .badPattern(let text): text
    case .invalidPlaceholder(let name, let text): "Invalid placeholder \"\(name)\" in string: \(text)"
    case .placeholderFormat(let text): "Formatting Error: \(text)"
    default: "Error"
    }
  }
}
