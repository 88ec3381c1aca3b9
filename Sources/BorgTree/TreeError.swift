/// What a tree answers when it cannot do what was asked. Every case concerns the one object asked for.
public enum TreeError: Error, Equatable, Sendable {
  case noSuchEntry
  /// There is no archive of this name, but there may be one soon.
  case noSuchArchive
  case notADirectory
  case isADirectory
  case notASymbolicLink
  case noSuchAttribute
  /// No object of the tree has an attribute of this kind.
  case noAttributesOfKind
  /// The file has zeros where `check --repair` missed chunks, and such files are not to be opened.
  case contentDamaged
  /// Stored data is missing, corrupt or out of reach; the text says which.
  case ioFailed(String)
}

extension TreeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSuchEntry, .noSuchArchive: "No such entry"
    case .notADirectory: "Not a directory"
    case .isADirectory: "Is a directory"
    case .notASymbolicLink: "Not a symbolic link"
    case .noSuchAttribute: "No such attribute"
    case .noAttributesOfKind: "No such attributes here"
    case .contentDamaged: "File content is damaged"
    case .ioFailed(let text): text
    }
  }
}
