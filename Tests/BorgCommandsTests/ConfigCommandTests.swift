import BorgSystem
import BorgTesting
import Testing

@testable import BorgCommands

/// Config values, with-lock and upgrade's authentication modes, in process and against real Borg.
struct ConfigCommandTests {
  private let runner: CommandRunner
  private let repository: String

  init() throws {
    runner = try CommandRunner()
    repository = "\(runner.directory.path)/repository"
    #expect(try runner.run("init", "-e", "repokey", repository).code == 0)
  }

  @Test func `values are read, set, checked and removed`() throws {
    #expect(try runner.run("config", repository, "additional_free_space").output == "0\n")
    #expect(try runner.run("config", repository, "repository.append_only", "1").code == 0)
    #expect(try runner.run("config", repository, "append_only").output == "1\n")
    #expect(try runner.run("config", "--delete", repository, "append_only").code == 0)
    let gone = try runner.run("config", repository, "append_only")
    #expect(gone.code == 2)
    #expect(gone.error == "Error: No option 'append_only' in section: 'repository'\n")
    let list = try runner.run("config", "--list", repository).output
    #expect(list.hasPrefix("[repository]\nversion = 1\nsegments_per_dir = 1000\n"))
    #expect(list.contains("append_only = False\n"))
    #expect(try runner.run("config", repository).error == "Command Error: No config key name was provided.\n")
  }

  @Test(arguments: [
    ("additional_free_space", "9M"), ("storage_quota", "1G5"), ("append_only", "yes"), ("id", "00"),
    ("max_segment_size", "4273995776"), ("segments_per_dir", "0"), ("key", "x"), ("nonsense", "1"),
    ("cache.previous_location", "x"),
  ])
  func `values that would spoil the repository are refused`(name: String, value: String) throws {
    #expect(try runner.run("config", repository, name, value).code == 2)
    #expect(try runner.run("config", "--delete", repository, "id").code == 2)
    #expect(try runner.run("list", repository).code == 0)
  }

  @Test func `the cache's previous location is changed`() throws {
    #expect(try runner.run("config", "--cache", repository, "previous_location").output == "\(repository)\n")
    #expect(try runner.run("config", "--cache", repository, "previous_location", "/elsewhere").code == 0)
    let moved = try runner.run("list", repository)
    #expect(moved.code == 2)
    #expect(moved.error.contains("was previously located at /elsewhere"))
  }

  @Test func `a command runs under the lock and gives its exit code`() throws {
    let script = "test -e \(repository)/lock.exclusive && test -z \"$BORG_PASSPHRASE\" && exit 7"
    #expect(try runner.run("with-lock", repository, "sh", "-c", script).code == 7)
    #expect(try runner.run("with-lock", repository, "sh", "-c", "kill -9 $$").code == 137)
    let missing = try runner.run("with-lock", repository, "/no/such/program")
    #expect(missing.code == 2)
    #expect(
      missing.error
        == "Command Error: Error while trying to run '/no/such/program': [Errno 2] No such file or directory: "
        + "'/no/such/program'\n")
    #expect(try runner.run("list", repository).code == 0)
  }

  @Test func `authentication is no longer required, then again`() throws {
    let fine = "Manifest authentication setup OK for this client and this repository.\n"
    #expect(try runner.run("upgrade", "--check-tam", repository).output == fine)
    #expect(try runner.run("upgrade", "--disable-tam", repository).code == 0)
    let check = try runner.run("upgrade", "--check-tam", repository)
    #expect(check.code == 1)
    #expect(check.error.contains("Key does not require TAM authentication!"))
    #expect(try runner.run("upgrade", "--tam", "--dry-run", repository).code == 1)
    let upgrade = try runner.run("upgrade", "--tam", repository).output
    #expect(upgrade.hasPrefix("Manifest contents:\n"))
    #expect(upgrade.contains("Key updated\nKey location: \(repository)\n"))
    #expect(try runner.run("upgrade", "--check-tam", repository).output == fine)
    let conversion = try runner.run("upgrade", "--inplace", repository)
    #expect(conversion.error == "no key file found for repository\nno key file found for repository\n")
    #expect(try runner.run("list", repository).code == 0)
  }

  @Test func `archives without authentication get it, and the real Borg agrees`() throws {
    let oracle = try Oracle()
    let repository = String(decoding: oracle.home.path("repository"), as: UTF8.self)
    var here = runner
    here.environment.variables["BORG_BASE_DIR"] = oracle.home.path
    try oracle.run("init", "-e", "keyfile", repository)
    let source = oracle.home.path("source")
    try Files.replace(source, with: Array("content".utf8))
    try oracle.run("create", "\(repository)::one", String(decoding: source, as: UTF8.self))
    #expect(
      try here.run("upgrade", "--check-archives-tam", repository).output.hasSuffix(
        "All archives are TAM authenticated.\n"))
    #expect(try here.run("upgrade", "--archives-tam", repository).output.hasPrefix("Archive TAM present: one"))
    #expect(try here.run("upgrade", "--disable-tam", repository).code == 0)
    #expect(try here.run("upgrade", "--tam", repository).code == 0)
    #expect(try oracle.run("upgrade", "--check-tam", repository).hasPrefix("Manifest authentication setup OK"))
    #expect(try here.run("config", repository, "storage_quota", "2G").code == 0)
    #expect(try oracle.run("config", repository, "storage_quota") == "2G\n")
    try oracle.run("check", "--verify-data", repository)
  }
}
