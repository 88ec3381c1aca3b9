/// What was made for the last keys: within a bound of the values' sizes together, and two in any case, so that what is asked
/// for in turn stays.
struct Recent<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry {
    var value: Value
    var size: Int
    /// In seconds since the machine was started; nil: it stays right.
    var expiry: Int?
    var lastUse: Int
  }

  private var entries: [Key: Entry] = [:]
  private var totalSize = 0
  private var uses = 0
  private let maximumSize: Int
  private let maximumCount: Int

  private static var leastCount: Int { 2 }

  init(maximumSize: Int = 1 << 16, maximumCount: Int = 64) {
    self.maximumSize = maximumSize
    self.maximumCount = maximumCount
  }

  var count: Int { entries.count }

  /// Nil: there is none, or it has expired.
  mutating func value(_ key: Key) -> (value: Value, expiry: Int?)? {
    guard let entry = entries[key] else { return nil }
    if let expiry = entry.expiry, secondsSinceBoot() >= expiry {
      remove(key)
      return nil
    }
    uses += 1
    entries[key]?.lastUse = uses
    return (entry.value, entry.expiry)
  }

  mutating func keep(_ value: Value, _ key: Key, size: Int, until expiry: Int?) {
    remove(key)
    uses += 1
    entries[key] = Entry(value: value, size: size, expiry: expiry, lastUse: uses)
    totalSize += size
    while totalSize > maximumSize || entries.count > maximumCount, entries.count > Recent.leastCount,
      let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })
    { remove(oldest.key) }
  }

  private mutating func remove(_ key: Key) { totalSize -= entries.removeValue(forKey: key)?.size ?? 0 }
}
