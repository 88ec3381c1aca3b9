import BorgFormat
import BorgSystem
import BorgTesting
import Glibc

@testable import BorgCommands

/// Runs command lines in process: arguments in, both streams and the exit code out.
struct CommandRunner {
  struct Result {
    let code: Int32
    let output: String
    let error: String
  }

  let directory: TemporaryDirectory
  var environment: Environment

  init() throws {
    directory = try TemporaryDirectory()
    environment = Environment(variables: [
      "BORG_BASE_DIR": directory.path, "BORG_PASSPHRASE": "test", "HOME": directory.path, "PATH": "/usr/bin:/bin",
      "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    ])
  }

  func run(_ words: String..., program: String = "borg") throws -> Result { try run(words, program: program) }

  func run(_ words: [String], program: String = "borg") throws -> Result {
    let (output, error) = (directory.path("stdout"), directory.path("stderr"))
    let outputFile = try File.open(output, O_RDWR | O_CREAT | O_TRUNC)
    let errorFile = try File.open(error, O_RDWR | O_CREAT | O_TRUNC)
    let run = Run(
      program: Program(calledAs: Array(program.utf8)), commandLine: ([program] + words).map { Array($0.utf8) },
      environment: environment, clock: .system,
      console: Console(output: outputFile.descriptor, error: errorFile.descriptor))
    let code = run.execute()
    return Result(
      code: code.value, output: String(decoding: try Files.read(output), as: UTF8.self),
      error: String(decoding: try Files.read(error), as: UTF8.self))
  }
}
