/// A server's version, compared number by number: [major, minor, patch, -1] or a pre-release's two last numbers.
struct ServerVersion: Comparable, CustomStringConvertible {
  let numbers: [Int64]

  static let ours = ServerVersion(numbers: [1, 4, 5, -1])
  /// The oldest that is spoken to.
  static let oldest = ServerVersion(numbers: [1, 1, 0, -4, 0])

  static func < (a: ServerVersion, b: ServerVersion) -> Bool { a.numbers.lexicographicallyPrecedes(b.numbers) }

  var description: String {
    let kinds: [Int64: String] = [-4: "a", -3: "b", -2: "rc", -9: ".dev"]
    let release = numbers.prefix(3).map { "\($0)" }.joined(separator: ".")
    guard numbers.count > 4, let kind = kinds[numbers[3]] else { return release }
    return "\(release)\(kind)\(numbers[4])"
  }
}
