import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import Glibc

/// `borg debug dump-archive-items`: the chunks of an archive's item stream as files.
struct DebugDumpArchiveItemsCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugDumpArchiveItems }

  private let location: Location

  init(_ arguments: ParsedArguments) { location = arguments.location("ARCHIVE") }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: []) }

  func run(in context: CommandContext) throws -> ExitCode {
    let archive = try Archive(named: location.archive ?? [], in: context.session)
    for (number, id) in archive.metadata.items.enumerated() {
      let name = "\(padded(number, 6))_\(id.hex).items"
      context.console.write("Dumping \(name)\n")
      try dump(try context.session.plaintext(of: id), Array(name.utf8))
    }
    context.console.write("Done.\n")
    return .success
  }
}

/// `borg debug dump-archive`: an archive's metadata and items as JSON.
struct DebugDumpArchiveCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugDumpArchive }

  private let location: Location
  private let path: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("ARCHIVE")
    path = arguments.text("PATH") ?? []
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: []) }

  func run(in context: CommandContext) throws -> ExitCode {
    let name = location.archive ?? []
    let manifest = try MessagePackValue(decoding: context.session.plaintext(of: .manifest))
    let wanted = MessagePackValue.raw(name)
    guard let entry = manifest["archives"]?.mapEntries?.last(where: { $0.key == wanted })?.value,
      let id = entry["id"]?.rawValue.flatMap(ChunkID.init)
    else { throw ArchiveError.doesNotExist(name: name) }
    let metadata = try MessagePackValue(decoding: context.session.plaintext(of: id))
    var output = try DumpOutput(path, context.console)
    try output.write("{\n    \"_name\": \(JSONValue.string(displayText(name)).text()),\n")
    try output.write("    \"_manifest_entry\":\n\(DumpText.indented(DumpText.value(entry))),\n")
    try output.write("    \"_meta\":\n\(DumpText.indented(DumpText.value(metadata))),\n    \"_items\": [\n")
    try writeItems(metadata["items"]?.arrayValue ?? [], context.session, &output)
    try output.write("\n    ]\n}\n")
    try output.flush()
    return .success
  }

  private func writeItems(
    _ ids: [MessagePackValue], _ session: RepositorySession, _ output: inout DumpOutput
  ) throws {
    var carry: [UInt8] = []
    var isFirst = true
    for id in ids {
      guard let id = id.rawValue.flatMap(ChunkID.init) else { throw FormatError("archive: an item id is not one") }
      carry += try session.plaintext(of: id)
      guard carry.count <= ItemCodec.maximumItemSize else { throw FormatError("item is too large") }
      for item in try Self.takeValues(&carry) {
        if !isFirst { try output.write(",\n") }
        isFirst = false
        try output.write(DumpText.indented(DumpText.value(item)))
      }
    }
  }

  /// The complete values at the front.
  private static func takeValues(_ bytes: inout [UInt8]) throws -> [MessagePackValue] {
    var values: [MessagePackValue] = []
    let used = try bytes.withUnsafeBytes { buffer in
      var used = 0
      while used < buffer.count {
        var reader = MessagePackReader(buffer, offset: used)
        do {
          values.append(try reader.readValue())
        } catch MessagePackReader.Failure.truncated {
          break
        } catch {
          throw FormatError("the item metadata is corrupted: \(error)")
        }
        used = reader.offset
      }
      return used
    }
    bytes.removeFirst(used)
    return values
  }
}

/// `borg debug dump-manifest`: the manifest as JSON.
struct DebugDumpManifestCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugDumpManifest }

  private let location: Location
  private let path: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    path = arguments.text("PATH") ?? []
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: []) }

  func run(in context: CommandContext) throws -> ExitCode {
    let manifest = try MessagePackValue(decoding: context.session.plaintext(of: .manifest))
    var output = try DumpOutput(path, context.console)
    try output.write(DumpText.value(manifest).text(indent: "    "))
    try output.flush()
    return .success
  }
}

/// The number with zeros in front.
func padded(_ number: Int, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

/// Writes a file.
func dump(_ bytes: [UInt8], _ path: [UInt8]) throws {
  let file = try File.open(path, O_WRONLY | O_CREAT | O_TRUNC)
  try file.write(bytes)
  try file.close()
}
