import BorgFormat
import BorgSystem
import Glibc

/// What can go wrong with one live file or one item: a warning, never the end of the run (json.md section 5).
enum BackupProblem: Error, Equatable {
  /// A failed system call, and which step it was part of: `open`, `read`, `stat`, …
  case system(operation: String, SystemError)
  /// The file is not what it was when it was looked at first.
  case raceCondition
  /// Written or read with doubts: sizes differ, or chunks were lost.
  case damaged
  case symlinkParent
  case pathTraversal
  case hardlinkSource
  /// Anything else; a warning without a code of its own.
  case other(String)

  static func last(_ operation: String, _ path: [UInt8]? = nil) -> BackupProblem {
    .system(operation: operation, .last(path))
  }

  /// Nil: Borg has none for it.
  var messageID: String? {
    switch self {
    case .system(_, let error):
      switch error.code {
      case EPERM, EACCES, EBUSY: "BackupPermissionError"
      case ENOENT: "BackupFileNotFoundError"
      case EIO: "BackupIOError"
      default: "BackupOSError"
      }
    case .raceCondition: "BackupRaceConditionError"
    case .damaged: "BackupError"
    case .symlinkParent: "BackupSymlinkParentError"
    case .pathTraversal: "BackupPathTraversalError"
    case .hardlinkSource: "BackupHardlinkSourceError"
    case .other: nil
    }
  }

  /// The modern exit code of the warning.
  var code: Int32 {
    switch self {
    case .system(_, let error):
      switch error.code {
      case EPERM, EACCES, EBUSY: 105
      case ENOENT: 107
      case EIO: 106
      default: 104
      }
    case .raceCondition: 103
    case .damaged: 102
    case .symlinkParent: 108
    case .pathTraversal: 109
    case .hardlinkSource: 110
    case .other: 1
    }
  }

  func text(_ path: [UInt8]) -> String {
    let path = displayText(path)
    return switch self {
    case .system("", let error): "\(path): \(error)"
    case .system(let operation, let error): "\(path): \(operation): \(error)"
    case .other(let reason): "\(path): \(reason)"
    case .raceCondition:
      "\(path): file type or inode changed while we backed it up (race condition, skipped file)"
    case .damaged: "\(path): backup error"
    case .symlinkParent:
      "\(path): not extracted, a parent directory is a symlink (malicious or corrupted archive)"
    case .pathTraversal: "\(path): not extracted, path contains \"../\" (malicious or corrupted archive)"
    case .hardlinkSource: "\(path): not extracted, hardlink source path is unsafe (malicious or corrupted archive)"
    }
  }
}

extension Monitor {
  /// The one place where a problem with a file becomes a warning.
  func warn(_ problem: BackupProblem, path: [UInt8]) {
    log(
      LogRecord(
        .warning, logger: "borg.archiver", problem.text(path), messageID: problem.messageID,
        warningCode: problem.code))
  }
}
