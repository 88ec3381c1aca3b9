/// What to do next about an error, where Borg's words do not say it. Only people on a terminal see it, behind the words
/// that programs know.
enum Advice {
  static func text(for messageID: String?) -> String? { messageID.flatMap { table[$0] } }

  private static let table: [String: String] = [
    "Repository.AlreadyExists": "Use it as it is, or choose another path.",
    "Repository.DoesNotExist": "Check the path, or make the repository with \"borg init\".",
    "Repository.InvalidRepository": "Check the path; a repository is a directory with a file \"config\".",
    "Repository.ParentPathDoesNotExist": "Make it first, or use --make-parent-dirs.",
    "Repository.PathAlreadyExists": "Choose a path where nothing is yet, or an empty directory.",
    "Repository.PathPermissionDenied": "Are you the user who made the repository?",
    "Repository.InsufficientFreeSpaceError": "Free space outside of the repository, then delete archives and compact.",
    "Repository.StorageQuotaExceeded": "Space is free after \"borg compact\".",
    "Repository.ObjectNotFound": "Run \"borg check\" to learn what is missing.",
    "MandatoryFeatureUnsupported": "See \"borg --version\".",
    "NoManifestError": "\"borg check --repair\" makes a new one.",
    "Archive.AlreadyExists": "Choose another name; {now} in it makes names unique.",
    "Archive.DoesNotExist": "\"borg list\" shows all names.",
    "KeyfileNotFoundError": "Put it there, name it by BORG_KEY_FILE, or restore a copy with \"borg key import\".",
    "KeyfileInvalidError": "Restore a copy with \"borg key import\".",
    "KeyfileMismatchError": "Which key belongs to the repository is in the first line of the key file.",
    "RepoKeyNotFoundError": "Restore a copy with \"borg key import\".",
    "RepoIdMismatch": "The first line of a key backup holds the id that \"borg info\" shows.",
    "NoPassphraseFailure": "Set BORG_PASSPHRASE or BORG_PASSCOMMAND, or use a terminal.",
    "PasscommandFailure": "Run it by hand to see what is wrong.",
    "PasswordRetriesExceeded": "\"borg help environment\" tells how to give it otherwise.",
    "Cache.CacheInitAbortedError": "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes answers the question.",
    "Cache.RepositoryAccessAborted": "BORG_RELOCATED_REPO_ACCESS_IS_OK=yes answers the question.",
    "Cache.RepositoryIDNotUnique": "Copies of a repository need ids and caches of their own.",
    "Cache.RepositoryReplay":
      "If you have put back an older copy, delete what is known about it below ~/.config/borg/security and ~/.cache/borg.",
    "LockTimeout": "Wait for it with --lock-wait SECONDS, or, if nobody uses it any more, run \"borg break-lock\".",
    "LockFailed": "Is the directory there, and may you write to it?",
    "IntegrityError": "Run \"borg check --verify-data\" to learn what else is damaged.",
    "DecompressionError": "Run \"borg check --verify-data\" to learn what else is damaged.",
    "TAMInvalid": "Somebody may have tampered with the repository; \"borg help upgrade\" tells what can be done.",
    "TAMRequiredError": "If an old Borg has written to it, see \"borg help upgrade\" about --tam.",
    "ArchiveTAMRequiredError": "If an old Borg has made it, see \"borg help upgrade\" about --archives-tam.",
    "PlaceholderError": "See \"borg help placeholders\".",
    "InvalidPlaceholder": "See \"borg help placeholders\".",
  ]
}
