import BorgFormat
import BorgSystem
import BorgTesting
import Testing

@testable import BorgRepository

/// The real Borg, named by the environment variable BORG_ORACLE; without it these tests fail.
private struct Oracle {
  let program: String
  /// The interpreter that runs it, by which its modules can be called.
  let python: String
  let environment: Environment

  init(_ sandbox: Sandbox) throws {
    var variables = Environment.current().variables
    program = try #require(
      variables["BORG_ORACLE"], "set BORG_ORACLE to the path of borg 1.4.5, such as Scripts/oracle prints")
    let start = String(decoding: try Files.read(Array(program.utf8)).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    python = String(start.dropFirst(2))
    variables["BORG_BASE_DIR"] = sandbox.directory.path
    variables["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes"
    variables["BORG_HOST_ID"] = "sandbox"
    environment = Environment(variables: variables)
  }

  func run(_ arguments: String...) throws -> (status: Int32, output: String) {
    let (status, output) = try ChildProcess.output(
      ["sh", "-c", "exec \"$@\" 2>&1", "sh", program] + arguments, environment: environment)
    return (status, String(decoding: output, as: UTF8.self))
  }

  func runPython(_ script: String, _ arguments: String...) throws -> (status: Int32, output: String) {
    let (status, output) = try ChildProcess.output(
      ["sh", "-c", "exec \"$@\" 2>&1", "sh", python, "-c", script] + arguments, environment: environment)
    return (status, String(decoding: output, as: UTF8.self))
  }
}

struct OracleTests {
  private let sandbox: Sandbox
  private let oracle: Oracle

  init() throws {
    sandbox = try Sandbox()
    oracle = try Oracle(sandbox)
  }

  @Test(arguments: 0..<12) func `random histories leave the same bytes as Borg's`(seed: Int) throws {
    let history = History(seed: UInt64(seed), steps: 120)
    try sandbox.write("history", Array(history.text.utf8))
    let (status, output) = try oracle.runPython(
      History.script, sandbox.directory.path + "/history", sandbox.directory.path + "/theirs")
    try #require(status == 0, "\(output)")

    var repository = try sandbox.create("ours")
    try repository.setConfigValue(section: "repository", option: "max_segment_size", "\(history.segmentSize)")
    repository.close()
    repository = try sandbox.open("ours")
    var commits = 0
    for step in history.steps {
      try perform(step, on: &repository)
      guard case .commit = step else { continue }
      try expectSame("ours", "theirs.\(commits)", "seed \(seed), commit \(commits)")
      commits += 1
    }
    repository.close()
    #expect(commits > 3)
  }

  private func perform(_ step: History.Step, on repository: inout LocalRepository) throws {
    switch step {
    case .put(let key, let size): try repository.put(History.id(key), object(size, seed: key))
    case .delete(let key): try repository.delete(History.id(key))
    case .commit(let compacts):
      try repository.commit(CommitOptions(compacts: compacts, threshold: 0.1))
    case .rollback: try repository.rollback()
    case .reopen, .loseIndex:
      repository.close()
      if case .loseIndex = step {
        for name in try sandbox.contents("ours").keys where !name.hasPrefix("data/") {
          try Files.unlink(sandbox.path("ours/\(name)"))
        }
      }
      repository = try sandbox.open("ours")
    }
  }

  private func expectSame(_ ours: String, _ theirs: String, _ comment: String) throws {
    let ours = try sandbox.contents(ours)
    let theirs = try sandbox.contents(theirs)
    #expect(Set(ours.keys) == Set(theirs.keys), "\(comment)")
    for (name, bytes) in ours where !name.hasPrefix("integrity.") {
      let expected = theirs[name] ?? []
      if name.hasPrefix("index.") {
        #expect(try entries(bytes) == entries(expected), "\(comment): \(name)")
      } else {
        #expect(Hex.encode(bytes) == Hex.encode(expected), "\(comment): \(name)")
      }
    }
  }

  private func entries(_ index: [UInt8]) throws -> [String] {
    var entries: [String] = []
    try RepositoryIndex(decoding: index).forEach { entries.append("\($0.hex) \($1)") }
    return entries.sorted()
  }

  @Test func `Borg finds no problem in what we wrote and reads it`() throws {
    let repository = try sandbox.create()
    for number in 0..<200 { try repository.put(id(UInt8(number)), object(number * 37, seed: UInt8(number))) }
    for number in stride(from: 1, to: 200, by: 3) { try repository.delete(id(UInt8(number))) }
    try repository.commit(CommitOptions(compacts: true))
    repository.close()
    let path = sandbox.directory.path + "/repo"
    let (status, output) = try oracle.run("-v", "check", "--repository-only", path)
    #expect(status == 0 && output.contains("no problems found"), "\(output)")
    let (read, text) = try oracle.runPython(
      """
      import sys
      from borg.logger import setup_logging
      from borg.repository import Repository
      setup_logging()
      with Repository(sys.argv[1], exclusive=True) as repository:
          ids = repository.list()
          assert all(repository.get(i) == bytes((k * 31 + i[0]) & 255 for k in range(i[0] * 37)) for i in ids)
          repository.delete(ids[0])
          repository.commit(compact=True)
          print(len(ids))
      """, path)
    #expect(read == 0 && text.hasSuffix("133\n"), "\(text)")
    let reader = try sandbox.open()
    #expect(try reader.objectCount() == 132)
    #expect(try reader.check(repair: false, maximumSeconds: 0))
    reader.close()
  }

  @Test func `a repository of Borg's opens, and Borg goes on with it`() throws {
    let path = sandbox.directory.path + "/repo"
    #expect(try oracle.run("init", "-e", "none", path).status == 0)
    let repository = try sandbox.open()
    #expect(try repository.list(after: nil, limit: 10) == [.manifest])
    let manifest = try repository.get(.manifest)
    try repository.put(.manifest, manifest)
    try repository.commit(CommitOptions(compacts: true))
    repository.close()
    let (status, output) = try oracle.run("list", path)
    #expect(status == 0, "\(output)")
    #expect(try oracle.run("check", path).status == 0)
  }

  @Test func `each waits for the other's locks`() throws {
    let path = sandbox.directory.path + "/repo"
    #expect(try oracle.run("init", "-e", "none", path).status == 0)
    let writer = try sandbox.open()
    let (status, output) = try oracle.run("list", "--lock-wait", "0", path)
    #expect(status == 2)
    #expect(output == "Failed to create/acquire the lock \(path)/lock.exclusive (timeout).\n")
    writer.close()
    let reader = try sandbox.open("repo", .shared)
    #expect(try oracle.run("list", "--lock-wait", "0", path).status == 0)
    #expect(
      try oracle.run("check", "--lock-wait", "0", path).output
        == "Failed to create/acquire the lock \(path)/lock (timeout).\n")
    reader.close()
    #expect(try oracle.run("check", "--lock-wait", "0", path).status == 0)
  }
}

/// A random series of operations that keeps to what a repository allows, and its meaning for Borg's own code.
private struct History {
  enum Step {
    case put(UInt8, Int)
    case delete(UInt8)
    case commit(compacts: Bool)
    case rollback
    case reopen
    case loseIndex
  }

  private(set) var steps: [Step] = []
  let segmentSize: Int

  init(seed: UInt64, steps count: Int) {
    var random = SeededGenerator(seed)
    segmentSize = Int.random(in: 60...600, using: &random)
    var committed: Set<UInt8> = []
    var present: Set<UInt8> = []
    var isChanged = false
    while steps.count < count {
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<55:
        let key = UInt8.random(in: 0...24, using: &random)
        steps.append(.put(key, .random(in: 0...90, using: &random)))
        present.insert(key)
        isChanged = true
      case 55..<75:
        guard let key = present.sorted().randomElement(using: &random) else { continue }
        steps.append(.delete(key))
        present.remove(key)
        isChanged = true
      case 75..<88:
        guard isChanged else { continue }
        steps.append(.commit(compacts: Bool.random(using: &random)))
        committed = present
        isChanged = false
      case 88..<92:
        guard !committed.isEmpty else { continue }
        steps.append(.rollback)
        present = committed
        isChanged = false
      default:
        guard !committed.isEmpty else { continue }
        steps.append(Bool.random(using: &random) ? .reopen : .loseIndex)
        present = committed
        isChanged = false
      }
    }
    if isChanged { steps.append(.commit(compacts: true)) }
  }

  /// Key 0 is the manifest.
  static func id(_ key: UInt8) -> ChunkID { BorgRepositoryTests.id(key) }

  var text: String {
    let lines = steps.map { step -> String in
      switch step {
      case .put(let key, let size): "put \(key) \(size)"
      case .delete(let key): "delete \(key)"
      case .commit(let compacts): "commit \(compacts ? 1 : 0)"
      case .rollback: "rollback"
      case .reopen: "reopen"
      case .loseIndex: "lose"
      }
    }
    return (["size \(segmentSize)"] + lines).joined(separator: "\n") + "\n"
  }

  static let script = """
    import glob, os, shutil, sys
    from borg.logger import setup_logging
    from borg.repository import Repository

    setup_logging()
    history, path = sys.argv[1:]
    key = lambda text: bytes([int(text)]) * 32
    repository = Repository(path, exclusive=True, create=True)
    repository.__enter__()
    commits = 0
    for line in open(history):
        name, *rest = line.split()
        if name == 'size':
            repository.config.set('repository', 'max_segment_size', rest[0])
            repository.save_config(path, repository.config)
        if name in ('size', 'reopen', 'lose'):
            repository.rollback()
            repository.close()
            if name == 'lose':
                for kind in ('index', 'hints', 'integrity'):
                    for file in glob.glob(path + '/' + kind + '.*'):
                        os.unlink(file)
            repository = Repository(path, exclusive=True)
            repository.__enter__()
        elif name == 'put':
            repository.put(key(rest[0]), bytes((i * 31 + int(rest[0])) & 255 for i in range(int(rest[1]))))
        elif name == 'delete':
            repository.delete(key(rest[0]))
        elif name == 'rollback':
            repository.rollback()
        elif name == 'commit':
            repository.commit(compact=rest[0] == '1', threshold=0.1)
            shutil.copytree(path, '%s.%d' % (path, commits))
            commits += 1
    repository.close()
    """
}
