import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// `borg debug get-obj`: one stored object as a file.
struct DebugGetObjCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugGetObj }

  private let location: Location
  private let id: String
  private let path: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    id = displayText(arguments.text("ID") ?? [])
    path = arguments.text("PATH") ?? []
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared) }

  func run(in context: CommandContext) throws -> ExitCode {
    let object: [UInt8]
    do {
      object = try context.repository.get(try objectID(id))
    } catch RepositoryError.objectNotFound {
      throw RuntimeError("object \(id) not found.")
    }
    try dump(object, path)
    context.console.write("object \(id) fetched.\n")
    return .success
  }
}

/// `borg debug put-obj`: a file as a stored object.
struct DebugPutObjCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugPutObj }

  private let location: Location
  private let id: String
  private let path: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    id = displayText(arguments.text("ID") ?? [])
    path = arguments.text("PATH") ?? []
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .exclusive) }

  func run(in context: CommandContext) throws -> ExitCode {
    let bytes = try Files.read(path)
    try context.repository.put(try objectID(id), bytes)
    context.console.write("object \(id) put.\n")
    try context.repository.commit(CommitOptions())
    return .success
  }
}

/// `borg debug delete-obj`: deletes stored objects, whoever needs them.
struct DebugDeleteObjCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugDeleteObj }

  private let location: Location
  private let ids: [String]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    ids = arguments.texts("IDs").map(displayText)
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .exclusive) }

  func run(in context: CommandContext) throws -> ExitCode {
    var isModified = false
    for text in ids {
      guard let id = ChunkID(hex: text) else {
        context.console.write("object id \(text) is invalid.\n")
        continue
      }
      do {
        try context.repository.delete(id)
        isModified = true
        context.console.write("object \(text) deleted.\n")
      } catch RepositoryError.objectNotFound {
        context.console.write("object \(text) not found.\n")
      }
    }
    if isModified { try context.repository.commit(CommitOptions()) }
    context.console.write("Done.\n")
    return .success
  }
}

/// `borg debug refcount-obj`: how often objects are referred to.
struct DebugRefcountObjCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugRefcountObj }

  private let location: Location
  private let ids: [String]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    ids = arguments.texts("IDs").map(displayText)
  }

  var access: RepositoryAccess? {
    RepositoryAccess(location, lock: .exclusive, manifest: [], cache: Cache.Options())
  }

  func run(in context: CommandContext) throws -> ExitCode {
    for text in ids {
      if let id = ChunkID(hex: text) {
        let found = context.cache.chunks[id].map { "has \($0.references) referrers" } ?? "not found"
        context.console.write("object \(text) \(found) [info from chunks cache].\n")
      } else {
        context.console.write("object id \(text) is invalid.\n")
      }
    }
    return .success
  }
}

/// `borg debug id-hash`: the id that a file's content would have.
struct DebugIDHashCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugIdHash }

  private let location: Location
  private let path: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    path = arguments.text("PATH") ?? []
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: []) }

  func run(in context: CommandContext) throws -> ExitCode {
    let id = try Files.read(path).withUnsafeBytes { context.session.key.id(of: $0) }
    context.console.write(id.hex + "\n")
    return .success
  }
}

/// Throws Borg's `CommandError` for what is no id.
private func objectID(_ text: String) throws -> ChunkID {
  if let id = ChunkID(hex: text) { return id }
  let reason =
    if let bytes = Hex.decode(text) {
      "Expected 32 bytes (64 hex digits), got \(bytes.count) bytes."
    } else {
      text.utf8.count.isMultiple(of: 2) ? "Non-hexadecimal digit found" : "Odd-length string"
    }
  throw ArchiveError.command("object id \(text) is invalid [\(reason)].")
}
