import BorgArchive
import BorgTransfer

extension CreateOptions {
  /// What the command line of `create` says. Throws `CommandLineRefusal` and `ArchiveError`.
  init(_ arguments: ParsedArguments) throws {
    let exclusions = try ExclusionOptions(arguments)
    self.init(matcher: exclusions.creationMatcher())
    input = try CreateOptions.input(arguments, exclusions)
    readInput(arguments)
    readSelection(arguments)
    readMetadata(arguments)
    readContent(arguments)
  }

  /// What the command line of `import-tar` says about content and archive.
  init(archive arguments: ParsedArguments) {
    self.init(matcher: PatternMatcher(fallback: true))
    comment = arguments.bytes("--comment") ?? []
    if case .timestamp(let time)? = arguments.value("--timestamp") { timestamp = time }
    readContent(arguments)
  }

  private static func input(_ arguments: ParsedArguments, _ exclusions: ExclusionOptions) throws -> Input {
    let paths = arguments.texts("PATH")
    let roots = exclusions.rootsBeforePaths + paths + exclusions.rootsAfterPaths
    let words = { roots.map { String(decoding: $0, as: UTF8.self) } }
    if arguments.has("--paths-from-stdin"), !roots.isEmpty {
      throw CommandLineRefusal("Must not pass PATH with ``--paths-from-stdin``.")
    }
    if roots.isEmpty {
      if arguments.has("--content-from-command") || arguments.has("--paths-from-command") {
        throw CommandLineRefusal("No command given.")
      }
      if !arguments.has("--paths-from-stdin") { throw CommandLineRefusal("Need at least one PATH argument.") }
    }
    if arguments.has("--content-from-command") { return .contentFromCommand(words()) }
    if arguments.has("--paths-from-command") { return .pathsFromCommand(words()) }
    return arguments.has("--paths-from-stdin") ? .pathsFromStandardInput : .roots(roots)
  }

  private mutating func readInput(_ arguments: ParsedArguments) {
    if let name = arguments.bytes("--stdin-name") { stdinName = name }
    stdinUser = arguments.bytes("--stdin-user")
    stdinGroup = arguments.bytes("--stdin-group")
    if let mode = arguments.integer("--stdin-mode") { stdinMode = UInt32(mode) }
    if let delimiter = arguments.bytes("--paths-delimiter").map(evaluatingEscapes), !delimiter.isEmpty {
      pathsDelimiter = delimiter
    }
  }

  private mutating func readSelection(_ arguments: ParsedArguments) {
    excludesCaches = arguments.has("--exclude-caches")
    excludeIfPresent = arguments.allBytes("--exclude-if-present")
    keepsExcludeTags = arguments.has("--keep-exclude-tags")
    excludesNodump = arguments.has("--exclude-nodump")
    staysInOneFileSystem = arguments.has("--one-file-system")
  }

  private mutating func readMetadata(_ arguments: ParsedArguments) {
    numericIDs = arguments.has("--numeric-ids") || arguments.has("--numeric-owner")
    storesAtime = arguments.has("--atime")
    storesCtime = !arguments.has("--noctime")
    storesBirthtime = !arguments.has("--nobirthtime")
    storesFlags = !(arguments.has("--noflags") || arguments.has("--nobsdflags"))
    storesXattrs = !arguments.has("--noxattrs")
    storesACLs = !arguments.has("--noacls")
    comment = arguments.bytes("--comment") ?? []
    if case .timestamp(let time)? = arguments.value("--timestamp") { timestamp = time }
  }

  private mutating func readContent(_ arguments: ParsedArguments) {
    readsSpecialFiles = arguments.has("--read-special")
    sparse = arguments.has("--sparse")
    if let mode = arguments.string("--files-changed").flatMap(ChangeDetection.init) { changeDetection = mode }
    if case .chunkerParameters(let parameters)? = arguments.value("--chunker-params") {
      chunkerParameters = parameters
    }
    if case .compressor(let compressor)? = arguments.value("--compression") { self.compressor = compressor }
    checkpointIntervalSeconds = max(0, arguments.integer("--checkpoint-interval") ?? 1800)
  }
}

/// Evaluates backslash escapes as Python does in text: `\n`, `\0`, `\x1f`, `\\`, …; unknown ones stay.
func evaluatingEscapes(_ text: [UInt8]) -> [UInt8] {
  let simple: [UInt8: UInt8] = [
    UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8,
    UInt8(ascii: "f"): 12, UInt8(ascii: "v"): 11, UInt8(ascii: "\\"): 92, UInt8(ascii: "'"): 39,
    UInt8(ascii: "\""): 34,
  ]
  var result: [UInt8] = []
  var rest = text[...]
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "\\"), let kind = rest.first else {
      result.append(byte)
      continue
    }
    if let value = simple[kind] {
      result.append(value)
      rest = rest.dropFirst()
    } else if let (value, length) = numericEscape(rest) {
      result += value < 0x80 ? [UInt8(value)] : Array(String(Character(Unicode.Scalar(UInt8(value)))).utf8)
      rest = rest.dropFirst(length)
    } else {
      result.append(byte)
    }
  }
  return result
}

/// The value of `xNN` or of up to three octal digits at the start of `text`, and how many bytes it takes.
private func numericEscape(_ text: ArraySlice<UInt8>) -> (value: UInt8, length: Int)? {
  if text.first == UInt8(ascii: "x") {
    let digits = String(decoding: text.dropFirst().prefix(2), as: UTF8.self)
    return digits.utf8.count == 2 ? UInt8(digits, radix: 16).map { ($0, 3) } : nil
  }
  let digits = text.prefix(3).prefix { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }
  return UInt8(String(decoding: digits, as: UTF8.self), radix: 8).map { ($0, digits.count) }
}
