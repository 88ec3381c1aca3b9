import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import Glibc

/// `borg key import`: puts a copy of the key back in its place.
struct KeyImportCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "key import", title: "Import a key backup",
      positionals: [
        PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository"),
        PositionalDeclaration("PATH", .zeroOrOne, .path, help: "input file, \"-\" = stdin"),
      ],
      options: [
        OptionDeclaration("--paper", help: "interactive import of the printed form")
      ],
      epilog: """
        Restores a key that "borg key export" has written. It replaces the present key, if there is one. With --paper
        the printed lines are typed in, each checked at once; an empty line offers to give up.
        """)
  }

  static var signalHandling: SignalHandling { .endsProcessAsCancelled }

  private let location: Location
  private let path: [UInt8]?
  private let isTypedIn: Bool

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    path = arguments.text("PATH")
    isTypedIn = arguments.has("--paper")
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .none) }

  func run(in context: CommandContext) throws -> ExitCode {
    let manager = try KeyManager(repository: context.repository, environment: context.environment)
    if isTypedIn {
      guard path == nil else { throw ArchiveError.command("with --paper import from file is not supported") }
      let dialogue = PaperKeyDialogue(repositoryID: context.repository.id, context: context)
      if let blob = try dialogue.run() { try manager.importBlob(blob) }
      return .success
    }
    guard let path else { throw ArchiveError.command("expected input file to import key from") }
    try manager.importKeyFile(KeyImportCommand.read(path), path: String(decoding: path, as: UTF8.self))
    return .success
  }

  /// Far above any key file; what is longer is none.
  private static let maximumLength = 1 << 20

  private static func read(_ path: [UInt8]) throws -> [UInt8] {
    guard path != [UInt8(ascii: "-")] else {
      return try File(descriptor: dup(STDIN_FILENO), path: Array("<stdin>".utf8)).readAll(limit: maximumLength)
    }
    do {
      return try Files.read(path, limit: maximumLength)
    } catch let error as SystemError where error.code == ENOENT {
      throw ArchiveError.command("input file does not exist: \(String(decoding: path, as: UTF8.self))")
    }
  }
}

/// Has a printed key typed in, line by line (keys.md 9.4).
struct PaperKeyDialogue {
  /// The user gives up.
  private struct Aborted: Error {}

  let repositoryID: ChunkID
  let context: CommandContext

  /// The key blob; nil when the user gives up. Throws `ArchiveError.repoIDMismatch` for the id line of another
  /// repository.
  func run() throws -> [UInt8]? {
    do {
      while true {
        let heading = try ask({ "id: " }, PaperKey.heading) { message(for: $0, line: nil) }
        guard heading.repositoryID == PaperKey.shortID(repositoryID) else { throw ArchiveError.repoIDMismatch }
        let blob = try askForLines(heading.lineCount)
        if PaperKey.digest(blob, 12) == heading.checksum { return blob }
        say("The overall checksum did not match, retry or enter a blank line to abort.")
      }
    } catch is Aborted {
      say("\n - aborted")
      return nil
    }
  }

  private func askForLines(_ count: Int) throws -> [UInt8] {
    var blob: [UInt8] = []
    for number in 1...count {
      blob += try ask({ "\(PaperKey.numbered(number)): " }, { try PaperKey.bytes($0, number: number) }) {
        message(for: $0, line: number)
      }
    }
    return blob
  }

  /// Asks until the answer is understood.
  private func ask<Answer>(
    _ prompt: () -> String, _ understand: (String) throws -> Answer, _ message: (PaperKey.Refusal) -> String
  ) throws -> Answer {
    while true {
      context.console.write(prompt())
      try context.console.flush()
      guard let line = Terminal.readLine() else { throw Aborted() }
      if line.allSatisfy({ $0 == " " }) {
        let question = Question(text: "Abort import? [yN]:", retries: true)
        if context.monitor.ask(question) { throw Aborted() }
      }
      do {
        return try understand(line)
      } catch let refusal as PaperKey.Refusal {
        say(message(refusal))
      }
    }
  }

  private func message(for refusal: PaperKey.Refusal, line: Int?) -> String {
    switch refusal {
    case .dashes: "each line must contain exactly one '-', try again"
    case .slashes: "the id line must contain exactly two '/', try again"
    case .checksum: "line checksum did not match, try \(line.map { "line \($0) again" } ?? "same line again")"
    case .length: "internal error while parsing length"
    case .digits(let reason): "only characters 0-9 and a-f and '-' are valid, try again [\(reason)]"
    }
  }

  private func say(_ text: String) { context.console.write(text + "\n") }
}
