import BorgArchive
import BorgFormat
import BorgSystem
import Glibc

/// Where a run's files come from: roots, a list of paths, standard input, or commands (cli.md 8.2).
struct CreateInput {
  private let options: CreateOptions
  private let listener: any WalkListener
  /// Nil: a dry run.
  private let builder: ItemBuilder?
  private let walker: DirectoryWalker
  private let context: SessionContext

  init(
    _ options: CreateOptions, listener: any WalkListener, builder: ItemBuilder?, walker: DirectoryWalker,
    context: SessionContext
  ) {
    self.options = options
    self.listener = listener
    self.builder = builder
    self.walker = walker
    self.context = context
  }

  func run() throws {
    switch options.input {
    case .roots(let roots):
      for root in roots where !listener.isDone {
        if root == [0x2D] { try takeStandardInput() } else { try walker.walk(root: root) }
      }
    case .contentFromCommand(let command): try takeOutput(of: command)
    case .pathsFromStandardInput: try takePaths(from: 0)
    case .pathsFromCommand(let command):
      // In a dry run the command runs too: it only lists.
      try withOutput(of: command) { try takePaths(from: $0) }
    }
  }

  private func takeStandardInput() throws {
    guard let builder else { return try listener.status(UInt8(ascii: "-"), options.stdinName) }
    do {
      try builder.pipe(0)
    } catch let problem as BackupProblem {
      try listener.warn(problem, options.stdinName)
      try listener.status(UInt8(ascii: "E"), options.stdinName)
    }
  }

  private func takeOutput(of command: [String]) throws {
    guard let builder else { return try listener.status(UInt8(ascii: "-"), options.stdinName) }
    try withOutput(of: command) { output in
      do {
        try builder.pipe(output)
      } catch let problem as BackupProblem {
        throw ArchiveError.plain("'\(problem.text(options.stdinName))")
      }
    }
  }

  /// Runs a command and hands over the descriptor of its output; a command that fails means no archive.
  private func withOutput(of command: [String], _ body: (Int32) throws -> Void) throws {
    let pipe = try Pipe()
    let child: ChildProcess
    do {
      child = try ChildProcess(
        command, environment: context.environment, standardOutput: pipe.writer.descriptor)
    } catch let error as SystemError {
      throw ArchiveError.command("Failed to execute command: \(error)")
    }
    try pipe.writer.close()
    do {
      try body(pipe.reader.descriptor)
    } catch {
      try? pipe.reader.close()
      _ = try? child.wait()
      throw error
    }
    // Who was stopped has not read all of it, and the command may be waiting for that.
    try pipe.reader.close()
    let status = try child.wait()
    guard status == 0 || listener.isDone else {
      throw ArchiveError.command("Command '\(command.first ?? "")' exited with status \(status)")
    }
  }

  /// Reads a list of paths and takes each as it comes.
  private func takePaths(from descriptor: Int32) throws {
    var splitter = PathSplitter(delimiter: options.pathsDelimiter)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !listener.isDone {
      let count = read(descriptor, &buffer, buffer.count)
      if count == 0 { break }
      guard count > 0 else {
        if errno == EINTR { continue }
        throw SystemError.last()
      }
      for path in splitter.feed(buffer[0..<count]) where !listener.isDone { try walker.take(path) }
    }
    if let last = splitter.rest, !listener.isDone { try walker.take(last) }
  }
}

/// Cuts a stream of bytes at a delimiter, however the reads fall.
struct PathSplitter {
  private let delimiter: [UInt8]
  private var pending: [UInt8] = []

  /// `delimiter` empty: a newline.
  init(delimiter: [UInt8]) {
    self.delimiter = delimiter.isEmpty ? [0x0A] : delimiter
  }

  /// The complete paths that end in `bytes`.
  mutating func feed(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
    var paths: [[UInt8]] = []
    for byte in bytes {
      pending.append(byte)
      guard byte == delimiter.last, pending.count >= delimiter.count,
        pending[(pending.count - delimiter.count)...].elementsEqual(delimiter)
      else { continue }
      pending.removeLast(delimiter.count)
      paths.append(pending)
      pending = []
    }
    return paths
  }

  /// What stands after the last delimiter, if anything.
  var rest: [UInt8]? { pending.isEmpty ? nil : pending }
}
