import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Glibc

@testable import BorgTransfer

/// A repository of our own in a temporary folder, used by our code and by the real borg in turns.
final class Lab {
  struct NoOracle: Error, CustomStringConvertible {
    let description = "set BORG_ORACLE to the path of borg 1.4.5, for example BORG_ORACLE=$(Scripts/oracle)"
  }

  struct OracleFailed: Error, CustomStringConvertible {
    var description: String
  }

  let folder: TemporaryDirectory
  let environment: Environment
  let monitor = RecordingMonitor(answers: Array(repeating: true, count: 100))

  init(_ type: KeyType = .repokey) throws {
    folder = try TemporaryDirectory()
    var variables = Environment.current().variables.filter { !$0.key.hasPrefix("BORG_") }
    variables["BORG_BASE_DIR"] = "\(folder.path)/base"
    variables["BORG_PASSPHRASE"] = "secret"
    variables["BORG_RELOCATED_REPO_ACCESS_IS_OK"] = "yes"
    variables["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes"
    environment = Environment(variables: variables)
    let repository = try LocalRepository.create(
      location, LocalRepository.CreateOptions(), lock: LockOptions(mode: .exclusive), environment: environment,
      monitor: monitor)
    let session = try RepositorySession.initialize(
      repository: repository, type: type, secretsFrom: nil, context: context)
    try Cache.createNew(session: session, lockWaitSeconds: 1)
    session.close()
  }

  var context: SessionContext { SessionContext(environment: environment, monitor: monitor) }

  var location: Location {
    get throws {
      guard let location = Location(parsing: Array("\(folder.path)/repo".utf8), defaultRepository: nil) else {
        throw OracleFailed(description: "no location")
      }
      return location
    }
  }

  func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  func withSession<R>(_ mode: LockOptions.Mode = .shared, _ body: (RepositorySession) throws -> R) throws -> R {
    let repository = try LocalRepository.open(
      location, lock: LockOptions(mode: mode), environment: environment, monitor: monitor)
    let session = try RepositorySession(repository: repository, operations: [.read], context: context)
    defer { session.close() }
    return try body(session)
  }

  @discardableResult
  func create(
    _ name: String, _ roots: [String], filesCacheMode: FilesCacheMode = .standard,
    interruption: Interruption = Interruption(), _ change: (inout CreateOptions) throws -> Void = { _ in }
  ) throws -> Creation.Outcome {
    try withSession(.exclusive) { session in
      var cacheOptions = Cache.Options()
      cacheOptions.filesCacheMode = filesCacheMode
      let cache = try Cache(session: session, cacheOptions)
      defer { cache.close() }
      var options = CreateOptions(matcher: PatternMatcher(fallback: true))
      options.input = .roots(roots.map { Array($0.utf8) })
      try change(&options)
      return try Creation(
        named: Array(name.utf8), session: session, cache: cache, options, interruption: interruption
      ).run()
    }
  }

  func extract(
    _ name: String, to directory: String, _ change: (inout ExtractOptions) throws -> Void = { _ in }
  ) throws {
    try Files.makeDirectories(Array(directory.utf8))
    try withSession { session in
      var options = ExtractOptions(matcher: PatternMatcher(fallback: true))
      options.directory = Array(directory.utf8)
      try change(&options)
      try Extraction(Archive(named: Array(name.utf8), in: session), options).run()
    }
  }

  func items(_ name: String) throws -> [Item] {
    try withSession { session in
      var items: [Item] = []
      try Archive(named: Array(name.utf8), in: session).forEachItem { item in
        items.append(item)
        return true
      }
      return items
    }
  }

  /// Runs the real borg in `directory`; throws unless it ends with `status`.
  @discardableResult
  func oracle(_ arguments: [String], in directory: String = "/", status: Int32 = 0) throws -> String {
    guard let borg = Environment.current()["BORG_ORACLE"] else { throw NoOracle() }
    let command = ["sh", "-c", "cd \"$0\" && BORG_PASSPHRASE=secret exec \"$@\" 2>&1", directory, borg] + arguments
    let result = try ChildProcess.output(command, environment: environment)
    let output = String(decoding: result.output, as: UTF8.self)
    guard result.status == status else {
      throw OracleFailed(description: "borg \(arguments) ended with \(result.status):\n\(output)")
    }
    return output
  }

  /// Runs a shell script with `$1` the lab's folder.
  @discardableResult
  func shell(_ script: String) throws -> String {
    let result = try ChildProcess.output(["sh", "-ec", script, "sh", folder.path], environment: environment)
    let output = String(decoding: result.output, as: UTF8.self)
    guard result.status == 0 else { throw OracleFailed(description: "\(script) ended with \(result.status)") }
    return output
  }

  /// One line for each file below `directory`: everything an archive keeps of it, contents included.
  func listing(_ directory: String) throws -> String {
    try shell(
      """
      cd "$1/\(directory)"
      find . ! -type d -printf '%p %y %m %U %G %n %s %T@ %l\\n' | sort
      find . -type d -printf '%p %y %m %U %G %T@\\n' | sort
      find . -type f -print0 | sort -z | xargs -0 -r sha256sum
      if command -v getfattr >/dev/null; then getfattr -R -h -d -m - . | sed 's/^# file/&/'; fi
      if command -v getfacl >/dev/null; then getfacl -R -n . 2>/dev/null; fi
      if command -v lsattr >/dev/null; then lsattr -R . 2>/dev/null | sort; fi
      """)
  }

  /// A small tree with one of everything that does not need special rights.
  func makeTree(_ name: String = "input") throws {
    try shell(
      """
      mkdir -p "$1/\(name)/dir/sub" "$1/\(name)/empty dir"
      cd "$1/\(name)"
      printf hello >dir/hello
      : >dir/empty
      head -c 3000000 /dev/urandom >dir/sub/random
      head -c 9000000 /dev/zero >zeros
      cat dir/hello dir/sub/random >>zeros
      cp dir/sub/random copy
      ln dir/hello second-name
      ln dir/hello dir/third-name
      ln -s dir/hello link
      ln -s /nowhere/at/all broken
      mkfifo pipe
      ln pipe pipe-again
      chmod 640 dir/empty
      chmod 1750 dir/sub
      chmod 4711 copy
      touch -d '2001-02-03 04:05:06.789' dir/hello
      touch -h -d '2002-02-03 04:05:06' link
      touch -d '1999-12-31 23:59:59' dir/sub
      printf x >'new
      line'
      printf x >"$(printf 'bad\\377utf')"
      if command -v setfattr >/dev/null; then
        setfattr -n user.note -v value dir/hello || true
        setfattr -n user.nothing dir/empty || true
        setfattr -n user.on-dir -v 1 dir || true
      fi
      if command -v chattr >/dev/null; then chattr +d dir/hello 'empty dir' || true; fi
      if command -v setfacl >/dev/null; then
        setfacl -m u:daemon:r,g:1234567:rw dir/empty || true
        setfacl -d -m u:daemon:rwx 'empty dir' || true
        setfacl -m u:daemon:rwx dir || true
      fi
      """)
  }
}
