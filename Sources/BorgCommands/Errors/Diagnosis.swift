import BorgArchive
import BorgFormat
import BorgMount
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTransfer
import BorgTree

/// What an error means to the user and to scripts: one line, Borg's message id, and the exit code of the modern style
/// (the legacy one is always 2). json.md section 5 is the list.
struct Diagnosis: Equatable {
  let message: String
  let messageID: String?
  let modernCode: Int32

  func exitCode(_ style: ExitCodeStyle) -> ExitCode { style == .modern ? ExitCode(modernCode) : .error }

  private init(_ messageID: String?, _ modernCode: Int32, _ message: String) {
    self.message = message
    self.messageID = messageID
    self.modernCode = modernCode
  }

  init(_ error: any Error) {
    switch error {
    case let error as ArchiveError: self = Diagnosis.of(error)
    case let error as RepositoryError: self = Diagnosis.of(error)
    case let error as ServingError: self = Diagnosis.of(error)
    case let error as RemoteError: self = Diagnosis.of(error)
    case let error as KeyError: self = Diagnosis.of(error)
    case let error as TreeError: self = Diagnosis.of(error)
    case let error as MountError: self = Diagnosis.of(error)
    case let error as IntegrityError: self.init("IntegrityError", 90, error.description)
    case let error as DecompressionError: self.init("DecompressionError", 92, error.description)
    case let error as FormatError: self.init("IntegrityError", 90, "Data integrity error: \(error)")
    case let error as SystemError: self.init("Error", 2, "Error: \(error)")
    case let error as RuntimeError: self.init("RTError", 2, "Runtime Error: \(error.reason)")
    case is Interruption.Aborted: self.init(nil, 2, "Keyboard interrupt")
    default: self.init("Exception", 2, "Error: \(error)")
    }
  }
}

/// Borg's `RTError` (rc 2): something in the surroundings that a command needs is not as it must be.
struct RuntimeError: Error, Equatable {
  let reason: String

  init(_ reason: String) {
    self.reason = reason
  }
}

extension Diagnosis {
  private static func of(_ error: RepositoryError) -> Diagnosis {
    let (id, code): (String, Int32) =
      switch error {
      case .alreadyExists: ("Repository.AlreadyExists", 10)
      case .atticRepository: ("Repository.AtticRepository", 11)
      case .checkNeeded: ("Repository.CheckNeeded", 12)
      case .doesNotExist: ("Repository.DoesNotExist", 13)
      case .insufficientFreeSpace: ("Repository.InsufficientFreeSpaceError", 14)
      case .invalidRepository: ("Repository.InvalidRepository", 15)
      case .invalidConfig: ("Repository.InvalidRepositoryConfig", 16)
      case .objectNotFound: ("Repository.ObjectNotFound", 17)
      case .parentPathDoesNotExist: ("Repository.ParentPathDoesNotExist", 18)
      case .pathAlreadyExists: ("Repository.PathAlreadyExists", 19)
      case .storageQuotaExceeded: ("Repository.StorageQuotaExceeded", 20)
      case .pathPermissionDenied: ("Repository.PathPermissionDenied", 21)
      case .lockFailed: ("LockFailed", 72)
      case .lockTimeout: ("LockTimeout", 73)
      case .notLocked: ("NotLocked", 74)
      case .notMyLock: ("NotMyLock", 75)
      case .exclusiveLockMissing, .appendOnly, .refused: ("Error", 2)
      }
    return Diagnosis(id, code, error.description)
  }

  /// `unexpectedData` ends a server; the others are its answers, which end the client.
  private static func of(_ error: ServingError) -> Diagnosis {
    switch error {
    case .unexpectedData: Diagnosis("UnexpectedRPCDataFormatFromClient", 85, "Borg \(Program.version): \(error)")
    case .unknownMethod: Diagnosis("InvalidRPCMethod", 82, error.description)
    case .pathNotAllowed: Diagnosis("PathNotAllowed", 83, error.description)
    case .badArgument, .notOpen, .unknownMarker, .injected: Diagnosis("Error", 2, "Error: \(error)")
    }
  }

  private static func of(_ error: RemoteError) -> Diagnosis {
    switch error {
    case .connectionClosed: Diagnosis("ConnectionClosed", 80, error.description)
    case .connectionClosedWithHint: Diagnosis("ConnectionClosedWithHint", 81, error.description)
    case .serverOutdated: Diagnosis("RemoteRepository.RPCServerOutdated", 84, error.description)
    case .unexpectedData: Diagnosis("UnexpectedRPCDataFormatFromServer", 86, error.description)
    case .connectionBroken: Diagnosis("ConnectionBrokenWithHint", 87, error.description)
    case .unexpectedReply, .unsupportedProtocol, .repeatedList: Diagnosis("Exception", 2, "Error: \(error)")
    case .serverFailed(let className, _, _): Diagnosis(className, 2, error.description)
    }
  }

  private static func of(_ error: KeyError) -> Diagnosis {
    switch error {
    case .invalidData: Diagnosis("IntegrityError", 90, "Data integrity error: Invalid key data")
    case .unsupportedVersion(let text): Diagnosis("Error", 2, "Error: \(text)")
    }
  }

  private static func of(_ error: MountError) -> Diagnosis {
    switch error {
    case .notAvailable, .mountPointUnusable, .otherUsersRefused, .mountFailed:
      Diagnosis("RTError", 2, "Runtime Error: \(error)")
    case .unsupportedValue: Diagnosis("ValueError", 2, "\(error)")
    case .versionsOfOneArchive: Diagnosis("Error", 2, "Error: \(error)")
    case .backgroundUnresponsive: Diagnosis("Error", 1, "\(error)")
    }
  }

  private static func of(_ error: TreeError) -> Diagnosis {
    switch error {
    case .noSuchEntry, .noSuchArchive: Diagnosis("Error", 2, "Error: No such entry")
    case .notADirectory: Diagnosis("Error", 2, "Error: Not a directory")
    case .isADirectory: Diagnosis("Error", 2, "Error: Is a directory")
    case .notASymbolicLink: Diagnosis("Error", 2, "Error: Not a symbolic link")
    case .noSuchAttribute, .noAttributesOfKind: Diagnosis("Error", 2, "Error: No such attribute")
    case .contentDamaged: Diagnosis("IntegrityError", 90, "Data integrity error: File content is damaged")
    case .ioFailed(let text): Diagnosis("Error", 2, "Error: \(text)")
    }
  }

  private static func of(_ error: ArchiveError) -> Diagnosis {
    switch error {
    // Manifest and archives
    case .noManifest: Diagnosis("NoManifestError", 26, "Repository has no manifest.")
    case .unsupportedManifest:
      Diagnosis(
        "UnsupportedManifestError", 27,
        "Unsupported manifest envelope. A newer version is required to access this repository.")
    case .mandatoryFeatureUnsupported(let names):
      Diagnosis(
        "MandatoryFeatureUnsupported", 25,
        "Unsupported repository feature(s) [\(names.map { "'\($0)'" }.joined(separator: ", "))]. A newer version of Borg is required to "
          + "access this repository.")
    case .alreadyExists(let name):
      Diagnosis("Archive.AlreadyExists", 30, "Archive \(displayText(name)) already exists")
    case .doesNotExist(let name):
      Diagnosis("Archive.DoesNotExist", 31, "Archive \(displayText(name)) does not exist")
    case .archiveTooBig: Diagnosis("Error", 2, "Error: The archive has too many items: its metadata is too large.")
    // TAM
    case .archiveTAMInvalid:
      Diagnosis("ArchiveTAMInvalid", 95, "Data integrity error: Archive authentication did not verify")
    case .archiveTAMRequired(let name):
      Diagnosis(
        "ArchiveTAMRequiredError", 96,
        "Archive '\(displayText(name))' is unauthenticated, but it is required for this repository.")
    case .manifestTAMInvalid:
      Diagnosis("TAMInvalid", 97, "Data integrity error: Manifest authentication did not verify")
    case .manifestTAMRequired:
      Diagnosis("TAMRequiredError", 98, "Manifest is unauthenticated, but it is required for this repository.")
    case .unsupportedTAMSuite(let context, let suite):
      Diagnosis(
        "TAMUnsupportedSuiteError", 99,
        "Could not verify \(context): Unsupported suite '\(suite)'; a newer version is needed.")
    // Keys
    case .keyfileInvalid(let location, let path):
      Diagnosis("KeyfileInvalidError", 40, "Invalid key data for repository \(location) found in \(path).")
    case .keyfileMismatch(let location, let path):
      Diagnosis("KeyfileMismatchError", 41, "Mismatch between repository \(location) and key file \(path).")
    case .keyfileNotFound(let location, let directory):
      Diagnosis("KeyfileNotFoundError", 42, "No key file for repository \(location) found in \(directory).")
    case .notABorgKeyFile: Diagnosis("NotABorgKeyFile", 43, "This file is not a Borg key backup, aborting.")
    case .repoKeyNotFound(let location):
      Diagnosis("RepoKeyNotFoundError", 44, "No key entry found in the config of repository \(location).")
    case .repoIDMismatch:
      Diagnosis("RepoIdMismatch", 45, "This key backup seems to be for a different backup repository, aborting.")
    case .unencryptedRepo:
      Diagnosis("UnencryptedRepo", 46, "Key management not available for unencrypted repositories.")
    case .unsupportedPayload(let type):
      Diagnosis(
        "UnsupportedPayloadError", 48,
        "Unsupported payload type \(type). A newer version is required to access this repository.")
    // Passphrases
    case .noPassphrase(let reason): Diagnosis("NoPassphraseFailure", 50, "Cannot acquire a passphrase: \(reason)")
    case .passcommandFailure(let reason):
      Diagnosis("PasscommandFailure", 51, "Passcommand supplied in BORG_PASSCOMMAND failed: \(reason)")
    case .passphraseWrong:
      Diagnosis(
        "PassphraseWrong", 52,
        "Passphrase supplied in BORG_PASSPHRASE, by BORG_PASSCOMMAND, or via BORG_PASSPHRASE_FD is incorrect.")
    case .passwordRetriesExceeded:
      Diagnosis("PasswordRetriesExceeded", 53, "Exceeded the maximum password retries.")
    // Local state
    case .cacheInitAborted: Diagnosis("Cache.CacheInitAbortedError", 60, "Cache initialization aborted")
    case .encryptionMethodMismatch:
      Diagnosis(
        "Cache.EncryptionMethodMismatch", 61,
        "Repository encryption method changed since last access, refusing to continue")
    case .repositoryAccessAborted: Diagnosis("Cache.RepositoryAccessAborted", 62, "Repository access aborted")
    case .repositoryIDNotUnique:
      Diagnosis(
        "Cache.RepositoryIDNotUnique", 63,
        "Cache is newer than repository - do you have multiple, independently updated repos with same ID?")
    case .repositoryReplay:
      Diagnosis(
        "Cache.RepositoryReplay", 64,
        "Cache, or information obtained from the security directory is newer than repository - this is either an "
          + "attack or unsafe (multiple repos with same ID)")
    // Others
    case .cancelledByUser: Diagnosis("CancelledByUser", 3, "Cancelled by user.")
    case .command(let text): Diagnosis("CommandError", 4, "Command Error: \(text)")
    case .plain(let text): Diagnosis("Error", 2, "Error: \(text)")
    case .badPattern(let text): Diagnosis("CommandError", 4, text)
    case .invalidPlaceholder(let name, let text):
      Diagnosis("InvalidPlaceholder", 6, "Invalid placeholder \"\(name)\" in string: \(text)")
    case .placeholderFormat(let text): Diagnosis("PlaceholderError", 5, "Formatting Error: \(text)")
    }
  }
}
