import BorgArchive
import BorgObjects
import BorgRepository
import BorgSystem

/// A command line, understood: options in their order over all levels, positionals by name.
struct ParsedArguments: Sendable {
  struct Option: Sendable {
    let key: String
    /// Nil for flags.
    let value: ArgumentValue?
    /// How many positionals stand before it on its level.
    var precedingPositionals = 0
  }

  var options: [Option] = []
  var positionals: [String: [ArgumentValue]] = [:]

  /// How often the option stands on the command line.
  func count(_ key: String) -> Int {
    options.reduce(0) { $1.key == key ? $0 + 1 : $0 }
  }

  func has(_ key: String) -> Bool {
    options.contains { $0.key == key }
  }

  /// The option's last value, which is the one nearest to the command line's end.
  func value(_ key: String) -> ArgumentValue? {
    options.last { $0.key == key }?.value
  }

  func bytes(_ key: String) -> [UInt8]? { value(key)?.bytes }
  func string(_ key: String) -> String? { bytes(key).map { String(decoding: $0, as: UTF8.self) } }
  func integer(_ key: String) -> Int? { value(key)?.integer }
  func allBytes(_ key: String) -> [[UInt8]] { options.filter { $0.key == key }.compactMap { $0.value?.bytes } }

  /// All values of a positional argument of texts.
  func texts(_ metavar: String) -> [[UInt8]] { (positionals[metavar] ?? []).compactMap(\.bytes) }
  func text(_ metavar: String) -> [UInt8]? { texts(metavar).first }

  /// The location that the positional argument names. The parser has made sure that there is one.
  func location(_ metavar: String) -> Location {
    guard case .location(let location)? = positionals[metavar]?.first else {
      preconditionFailure("\(metavar) is not declared as a location")
    }
    return location
  }
}

extension ArgumentValue {
  var bytes: [UInt8]? {
    if case .text(let bytes) = self { return bytes }
    return nil
  }

  var integer: Int? {
    if case .integer(let number) = self { return number }
    return nil
  }
}
