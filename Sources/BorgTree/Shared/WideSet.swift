/// A set of well-mixed 64-bit numbers, in parts that grow one at a time: so there are never two of a large table.
struct WideSet: Sendable {
  private var parts = Array(repeating: Part(), count: 1 << WideSet.partBits)

  private static let partBits = 5

  /// False: it was there already.
  mutating func insert(_ number: UInt64) -> Bool {
    parts[Int(truncatingIfNeeded: number >> (64 - WideSet.partBits))].insert(number == 0 ? 1 : number)
  }

  private struct Part: Sendable {
    private var slots: [UInt64] = Array(repeating: 0, count: 16)
    private var count = 0

    mutating func insert(_ number: UInt64) -> Bool {
      if count * 4 >= slots.count * 3 { grow() }
      let mask = slots.count &- 1
      var slot = Int(truncatingIfNeeded: number) & mask
      while slots[slot] != 0 {
        if slots[slot] == number { return false }
        slot = (slot &+ 1) & mask
      }
      slots[slot] = number
      count += 1
      return true
    }

    private mutating func grow() {
      let old = slots
      slots = Array(repeating: 0, count: old.count * 2)
      let mask = slots.count &- 1
      for number in old where number != 0 {
        var slot = Int(truncatingIfNeeded: number) & mask
        while slots[slot] != 0 { slot = (slot &+ 1) & mask }
        slots[slot] = number
      }
    }
  }
}
