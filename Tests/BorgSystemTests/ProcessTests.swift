import BorgSystem
import Testing

@Suite struct ProcessTests {
  let environment = Environment(variables: ["PATH": "/usr/bin:/bin", "BORG_PASSPHRASE": "secret", "A": "b"])

  @Test func `a child does not see the passphrase`() throws {
    let result = try ChildProcess.output(["env"], environment: environment)
    let lines = Set(String(decoding: result.output, as: UTF8.self).split(separator: "\n"))
    #expect(lines == ["PATH=/usr/bin:/bin", "A=b", "BORG_VERSION=1.4.5"])
    #expect(result.status == 0)
  }

  @Test func `exit status and signals come back as Python gives them`() throws {
    #expect(try ChildProcess(["sh", "-c", "exit 7"], environment: environment).wait() == 7)
    #expect(try ChildProcess(["sh", "-c", "kill -9 $$"], environment: environment).wait() == -9)
  }

  @Test func `a missing program is an error with its name`() {
    #expect(throws: SystemError(code: 2, path: Array("no-such-program".utf8))) {
      try ChildProcess(["no-such-program"], environment: environment)
    }
  }

  @Test(arguments: [
    (#"a 'b c' "d\"e" f\ g"#, ["a", "b c", "d\"e", "f g"] as [String]?), ("", []), ("''", [""]), ("a 'b", nil),
    ("a\\", nil), (#""\n""#, ["\\n"]),
  ])
  func `shell words`(_ text: String, _ words: [String]?) {
    #expect(shellWords(text) == words)
  }

  @Test func `quoting survives splitting`() {
    for word in ["", "a b", "it's", "plain-word_1", "$x\n"] { #expect(shellWords(shellQuoted(word)) == [word]) }
    #expect(shellQuoted("plain/word") == "plain/word")
  }
}
