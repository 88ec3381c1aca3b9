import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgArchive

@Suite struct PassphrasesTests {
  private func passphrases(
    _ variables: [String: String], _ terminal: ScriptedTerminal = ScriptedTerminal([]),
    _ monitor: RecordingMonitor = RecordingMonitor()
  ) -> Passphrases {
    var variables = variables
    variables["PATH"] = "/usr/bin:/bin"
    var context = SessionContext(environment: Environment(variables: variables), monitor: monitor)
    context.terminal = terminal.terminal
    return Passphrases(context: context)
  }

  @Test func `the first source that is set wins, even when it is empty`() throws {
    let command = ["BORG_PASSCOMMAND": "printf 'a b\\n\\n'"]
    #expect(try passphrases([:]).fromEnvironment() == nil)
    #expect(try passphrases(["BORG_PASSPHRASE": ""]).fromEnvironment() == [])
    #expect(try passphrases(command).fromEnvironment() == Array("a b".utf8))
    #expect(
      try passphrases(command.merging(["BORG_PASSPHRASE": "p\n"]) { $1 }).fromEnvironment() == Array("p\n".utf8))
    #expect(
      try passphrases(command.merging(["BORG_PASSPHRASE_FD": "99"]) { $1 }).fromEnvironment() == Array("a b".utf8))
  }

  @Test func `a descriptor is read to its end`() throws {
    let pipe = try Pipe()
    try Array("geh heim\r\n\n".utf8).withUnsafeBytes { try pipe.writer.write($0) }
    try pipe.writer.close()
    let descriptor = dup(pipe.reader.descriptor)
    #expect(
      try passphrases(["BORG_PASSPHRASE_FD": " \(descriptor) "]).fromEnvironment() == Array("geh heim".utf8))
    #expect(try passphrases(["BORG_PASSPHRASE_FD": "x"]).fromEnvironment() == nil)
    #expect(throws: SystemError.self) { try passphrases(["BORG_PASSPHRASE_FD": "9999"]).fromEnvironment() }
  }

  @Test(arguments: [
    ("false x", "Command '['false', 'x']' returned non-zero exit status 1."),
    ("no-such-program-here x", "[Errno 2] No such file or directory: 'no-such-program-here'"),
    ("sh -c 'kill -9 $$'", "Command '['sh', '-c', 'kill -9 $$']' died with <Signals.SIGKILL: 9>."),
    ("echo 'a", "No closing quotation"),
  ])
  func `a failing passcommand is told in Borg's words`(command: String, reason: String) {
    #expect(throws: ArchiveError.passcommandFailure(reason)) {
      try passphrases(["BORG_PASSCOMMAND": command]).fromEnvironment()
    }
  }

  @Test func `a new passphrase is typed twice and may be shown`() throws {
    let terminal = ScriptedTerminal(["one", "two", "grün", "grün"])
    let monitor = RecordingMonitor(answers: [true])
    #expect(try passphrases([:], terminal, monitor).new() == Array("grün".utf8))
    let ask = ["Enter new passphrase: ", "Enter same passphrase again: "]
    #expect(terminal.prompts == ask + ask)
    #expect(
      terminal.shown == [
        "Passphrases do not match",
        "Your passphrase (between double-quotes): \"grün\"",
        "Make sure the passphrase displayed above is exactly what you wanted.",
        "Your passphrase (UTF-8 encoding in hex): 6772c3bc6e",
        "As you have a non-ASCII passphrase, it is recommended to keep the UTF-8 encoding in hex together with the "
          + "passphrase at a safe place.",
      ])
    #expect(
      monitor.questions.map(\.text) == ["Do you want your passphrase to be displayed for verification? [yN]: "])
    #expect(monitor.messages == ["Remember your passphrase. Your data will be inaccessible without it."])
  }

  @Test func `a new passphrase from the environment asks nothing`() throws {
    let terminal = ScriptedTerminal([])
    #expect(try passphrases(["BORG_NEW_PASSPHRASE": "n", "BORG_PASSPHRASE": "p"], terminal).new() == Array("n".utf8))
    #expect(try passphrases(["BORG_PASSPHRASE": "p"], terminal).new() == Array("p".utf8))
    #expect(terminal.prompts.isEmpty)
  }

  @Test func `ten rounds that do not match are enough`() {
    let terminal = ScriptedTerminal((0..<30).map { "\($0)" })
    #expect(throws: ArchiveError.passwordRetriesExceeded) { try passphrases([:], terminal).new() }
    #expect(terminal.prompts.count == 20)
  }
}
