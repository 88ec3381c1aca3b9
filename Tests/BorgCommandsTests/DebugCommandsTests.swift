import BorgSystem
import BorgTesting
import Testing

@testable import BorgCommands

/// `borg debug`, against the real Borg.
struct DebugCommandsTests {
  @Test func `dumps equal the real Borg's`() throws {
    let runner = try CommandRunner()
    var oracle = try Oracle()
    oracle.environment.variables["BORG_BASE_DIR"] = runner.directory.path
    let repository = "\(runner.directory.path)/repository"
    let (ours, real) = ("\(runner.directory.path)/ours", "\(runner.directory.path)/real")
    #expect(try runner.run("init", "-e", "repokey", repository).code == 0)
    #expect(try runner.run("create", "\(repository)::a", "/etc/hostname").code == 0)
    for (command, target) in [
      ("dump-archive", "\(repository)::a"), ("dump-manifest", repository), ("dump-hints", repository),
    ] {
      #expect(try runner.run("debug", command, target, ours).code == 0)
      try oracle.run("debug", command, target, real)
      #expect(try Files.read(Array(ours.utf8)) == Files.read(Array(real.utf8)))
    }
    let search = try runner.run("debug", "search-repo-objs", repository, "str:etc/hostname").output
    #expect(search.hasSuffix("Done.\n") && search.utf8.count > 6)
    #expect(try oracle.run("debug", "search-repo-objs", repository, "str:etc/hostname") == search)
  }
}
