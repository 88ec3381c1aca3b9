/// A map that remembers the order in which its keys were added, as Borg writes its hints.
struct OrderedMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var positions: [Key: Int] = [:]
  private var entries: [(key: Key, value: Value)?] = []

  var count: Int { positions.count }

  subscript(key: Key) -> Value? {
    get { positions[key].flatMap { entries[$0]?.value } }
    set {
      guard let newValue else { return remove(key) }
      update(key, default: newValue) { $0 = newValue }
    }
  }

  /// Changes the value of `key` in place, adding it first where it is missing.
  mutating func update(_ key: Key, default value: Value, _ body: (inout Value) -> Void) {
    if let position = positions[key] {
      body(&entries[position]!.value)
      return
    }
    var value = value
    body(&value)
    positions[key] = entries.count
    entries.append((key, value))
  }

  func forEach(_ body: (Key, Value) throws -> Void) rethrows {
    for case .some(let entry) in entries { try body(entry.key, entry.value) }
  }

  /// Changes every value in place.
  mutating func updateAll(_ body: (inout Value) -> Void) {
    for position in entries.indices where entries[position] != nil { body(&entries[position]!.value) }
  }

  private mutating func remove(_ key: Key) {
    guard let position = positions.removeValue(forKey: key) else { return }
    entries[position] = nil
    if entries.count > 64, entries.count > 2 * positions.count { closeGaps() }
  }

  private mutating func closeGaps() {
    entries.removeAll { $0 == nil }
    for case (let position, .some(let entry)) in entries.enumerated() { positions[entry.key] = position }
  }
}

extension OrderedMap where Value == Int {
  /// Adds to a key's number, which starts at 0. Wraps around: stored numbers are estimates that nobody vouches for.
  mutating func add(_ amount: Int, to key: Key) {
    update(key, default: 0) { $0 &+= amount }
  }

  mutating func setDefault(_ key: Key) {
    update(key, default: 0) { _ in }
  }
}
