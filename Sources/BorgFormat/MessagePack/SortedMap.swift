/// A map to be written, its keys sorted bytewise as everywhere in Borg's data.
struct SortedMap {
  private var entries: [(key: [UInt8], value: MessagePackValue)]

  init(_ entries: [(key: [UInt8], value: MessagePackValue)] = []) {
    self.entries = entries
  }

  /// Nil leaves the key out.
  mutating func set(_ key: String, _ value: MessagePackValue?) {
    guard let value else { return }
    entries.append((Array(key.utf8), value))
  }

  mutating func set(_ key: String, _ value: [UInt8]?) { set(key, value.map { .raw($0) }) }
  mutating func set(_ key: String, _ value: Int64?) { set(key, value.map { .int($0) }) }

  var value: MessagePackValue {
    .map(
      entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { .init(key: .raw($0.key), value: $0.value) })
  }
}
