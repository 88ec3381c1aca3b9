import BorgTree
import Glibc

/// The errno a kernel caller sees for a tree error. The only place where the two meet.
struct TreeErrno: Equatable {
  let code: Int32

  static let notImplemented = TreeErrno(code: ENOSYS)
  static let nameTooLong = TreeErrno(code: ENAMETOOLONG)
  static let invalid = TreeErrno(code: EINVAL)
  static let noSuchPosition = TreeErrno(code: ENXIO)

  private init(code: Int32) { self.code = code }

  init(_ error: TreeError) {
    switch error {
    case .noSuchEntry, .noSuchArchive: code = ENOENT
    case .notADirectory: code = ENOTDIR
    case .isADirectory: code = EISDIR
    case .notASymbolicLink: code = EINVAL
    case .noSuchAttribute: code = ENODATA
    case .noAttributesOfKind: code = EOPNOTSUPP
    case .contentDamaged: code = EIO  // Borg answers EIO unless allow_damaged_files is set.
    case .ioFailed: code = EIO
    }
  }
}
