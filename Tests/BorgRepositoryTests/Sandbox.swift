import BorgFormat
import BorgRepository
import BorgSystem
import BorgTesting
import Glibc

/// A temporary folder with repositories in it, and shorthands for working on them.
struct Sandbox {
  let directory: TemporaryDirectory
  let monitor = RecordingMonitor()
  let environment: Environment

  init() throws {
    directory = try TemporaryDirectory()
    environment = Environment(variables: ["HOME": directory.path, "PATH": "/usr/bin:/bin", "BORG_HOST_ID": "sandbox"])
  }

  func location(_ name: String = "repo") -> Location { Location(host: .local, path: directory.path(name)) }

  func create(
    _ name: String = "repo", _ options: LocalRepository.CreateOptions = .init()
  ) throws -> LocalRepository {
    try LocalRepository.create(
      location(name), options, lock: LockOptions(mode: .exclusive, waitSeconds: 0), environment: environment,
      monitor: monitor)
  }

  func open(
    _ name: String = "repo", _ mode: LockOptions.Mode = .exclusive, wait: Int = 0, appendOnly: Bool = false
  ) throws -> LocalRepository {
    try LocalRepository.open(
      location(name), lock: LockOptions(mode: mode, waitSeconds: wait), appendOnly: appendOnly,
      environment: environment, monitor: monitor)
  }

  /// Creates a repository whose segments hold two 71-byte entries each.
  func createSmall(_ name: String = "repo") throws -> LocalRepository {
    let repository = try create(name)
    try repository.setConfigValue(section: "repository", option: "max_segment_size", "100")
    repository.close()
    return try open(name)
  }

  func path(_ name: String) -> [UInt8] { directory.path(name) }
  func bytes(_ name: String) throws -> [UInt8] { try Files.read(path(name)) }
  func exists(_ name: String) -> Bool { Files.exists(path(name)) }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = try File.open(path(name), O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(bytes)
    try file.close()
  }

  /// Numbers of the segment files, sorted.
  func segments(_ name: String = "repo") throws -> [Int] {
    try Files.names(in: path("\(name)/data")).flatMap { directory in
      try Files.names(in: path("\(name)/data/\(String(decoding: directory, as: UTF8.self))"))
    }.compactMap { Int(String(decoding: $0, as: UTF8.self)) }.sorted()
  }

  /// Every file of the repository but its locks and config, by name.
  func contents(_ name: String = "repo") throws -> [String: [UInt8]] {
    var contents: [String: [UInt8]] = [:]
    try collect(path(name), "", &contents)
    return contents.filter { !$0.key.hasPrefix("lock.") && $0.key != "config" && $0.key != "README" }
  }

  private func collect(_ directory: [UInt8], _ prefix: String, _ contents: inout [String: [UInt8]]) throws {
    for name in try Files.names(in: directory) {
      let path = Files.join(directory, name)
      let key = prefix + String(decoding: name, as: UTF8.self)
      if try Files.status(path).st_mode & S_IFMT == S_IFDIR {
        try collect(path, key + "/", &contents)
      } else {
        contents[key] = try Files.read(path)
      }
    }
  }

  /// Makes the repository hold exactly these files beside config and README.
  func restore(_ contents: [String: [UInt8]], _ name: String = "repo") throws {
    for key in try self.contents(name).keys { try Files.unlink(path("\(name)/\(key)")) }
    for (key, bytes) in contents {
      try Files.makeDirectories(Files.parent(of: path("\(name)/\(key)")))
      try write("\(name)/\(key)", bytes)
    }
  }

  /// Sorted text of all objects, for comparing states.
  func objects(_ repository: LocalRepository) throws -> [String] {
    try repository.list(after: nil, limit: .max).map { "\($0.hex) \(try Hex.encode(repository.get($0)))" }.sorted()
  }
}

/// An id of 32 equal bytes.
func id(_ byte: UInt8) -> ChunkID {
  let word = UInt64(byte) &* 0x0101_0101_0101_0101
  return ChunkID(words: (word, word, word, word))
}

/// An object of `count` bytes that differ by `seed`.
func object(_ count: Int, seed: UInt8 = 0) -> [UInt8] {
  let period = (0..<256).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(seed)) }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count + period.count)
  while bytes.count < count { bytes += period }
  return Array(bytes.prefix(count))
}

/// Numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }
}
