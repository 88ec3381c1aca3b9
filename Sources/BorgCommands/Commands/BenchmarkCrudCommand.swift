import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import Glibc

/// `borg benchmark crud`: how fast archives of generated files are created, read, updated and deleted.
struct BenchmarkCrudCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "benchmark crud", title: "Measure create/read/update/delete speed",
      positionals: [
        PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "existing repository"),
        PositionalDeclaration("PATH", .one, .text, help: "directory for generated input"),
      ],
      epilog: """
        Writes up to 1 GB of files to a directory "borg-test-data" in PATH, backs them up into the repository, and removes
        everything again. The lines begin with what was measured (C, R, U, D: create, read, update, delete) and with what
        the files hold (Z, R: zeros, random bytes).
        """)
  }

  private let location: Location
  private let path: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    path = arguments.text("PATH") ?? []
  }

  func run(in context: CommandContext) throws -> ExitCode {
    for set in BenchmarkFiles.sets(isTest: context.environment["_BORG_BENCHMARK_CRUD_TEST"] != nil) {
      let directory = Files.join(path, Array("borg-test-data".utf8))
      try Files.makeDirectories(path)
      try Files.makeDirectory(directory)
      context.cleanup.add { try? Files.removeTree(directory) }
      defer {
        context.cleanup.discard()
        try? Files.removeTree(directory)
      }
      try set.write(to: directory)
      let rounds = try Rounds(context, location: location, directory: directory).run()
      for (letter, nanoseconds) in rounds { context.console.write(set.line(letter, nanoseconds)) }
      try context.console.flush()
    }
    return .success
  }
}

/// Runs the commands that are measured.
private struct Rounds {
  private let context: CommandContext
  private let archive: [UInt8]
  private let directory: [UInt8]

  init(_ context: CommandContext, location: Location, directory: [UInt8]) {
    self.context = context
    archive = Array("\(location.canonicalPath)::borg-benchmark-crud".utf8)
    self.directory = directory
  }

  /// Nanoseconds by letter, in the order in which they are shown.
  func run() throws -> [(letter: String, nanoseconds: Int64)] {
    let create = try time("create", "--compression=none", "--files-cache=disabled", number: 1)
    // The files cache is built; its archive is of no use.
    _ = try time("create", "--compression=none", number: 2)
    _ = try time("delete", number: 2)
    let update = try time("create", "--compression=none", number: 3)
    _ = try time("delete", number: 3)
    let read = try time("extract", "--dry-run", number: 1)
    let delete = try time("delete", number: 1)
    return [("C", create), ("R", read), ("U", update), ("D", delete)]
  }

  private func time(_ words: String..., number: Int) throws -> Int64 {
    var line = words.map { Array($0.utf8) } + [archive + Array("\(number)".utf8)]
    if words.first == "create" { line.append(directory) }
    let start = context.clock.monotonic()
    guard try context.perform(line) == .success else {
      throw ArchiveError.plain("borg \(words.joined(separator: " ")) did not succeed, the benchmark ends.")
    }
    return context.clock.monotonic() - start
  }
}

/// One set of generated files.
private struct BenchmarkFiles {
  let name: String
  let count: Int
  let size: Int
  let isRandom: Bool

  static func sets(isTest: Bool) -> [BenchmarkFiles] {
    let sizes =
      isTest ? [("TEST", 1, 1)] : [("BIG", 10, 100_000_000), ("MEDIUM", 1000, 1_000_000), ("SMALL", 10_000, 10_000)]
    return sizes.flatMap { name, count, size in
      [("Z", false), ("R", true)].map { letter, isRandom in
        BenchmarkFiles(name: "\(letter)-\(name)", count: count, size: size, isRandom: isRandom)
      }
    }
  }

  func write(to directory: [UInt8]) throws {
    var content = [UInt8](repeating: 0, count: size)
    for number in 0..<count {
      if isRandom { Self.randomize(&content) }
      let file = try File.open(Files.join(directory, Array("file_\(number)".utf8)), O_WRONLY | O_CREAT | O_EXCL)
      try file.write(content)
      try file.syncData()
      try file.close()
    }
  }

  private static func randomize(_ bytes: inout [UInt8]) {
    var generator = SystemRandomNumberGenerator()
    bytes.withUnsafeMutableBytes { bytes in
      var offset = 0
      while bytes.count - offset >= 8 {
        bytes.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
        offset += 8
      }
      while offset < bytes.count {
        bytes[offset] = generator.next()
        offset += 1
      }
    }
  }

  /// `C-Z-BIG         116.06 MB/s (10 * 100.00 MB all-zero files: 8.62s)`
  func line(_ letter: String, _ nanoseconds: Int64) -> String {
    let seconds = Double(max(1, nanoseconds)) / 1e9
    let rate = fixed(Double(count * size) / 1e6 / seconds, decimals: 2)
    let padding = String(repeating: " ", count: max(0, 10 - name.utf8.count))
    let indent = String(repeating: " ", count: max(0, 9 - rate.utf8.count))
    let files = "\(count) * \(HumanSize.text(Int64(size), iec: false)) \(isRandom ? "random" : "all-zero") files"
    return "\(letter)-\(name)\(padding) \(indent)\(rate) MB/s (\(files): \(fixed(seconds, decimals: 2))s)\n"
  }
}
