/// A set of well-mixed 64-bit numbers.
struct WideSet: Sendable {
  private var slots: [UInt64] = Array(repeating: 0, count: 256)
  private var count = 0

  /// False: it was there already.
  mutating func insert(_ number: UInt64) -> Bool {
    if count * 4 >= slots.count * 3 { grow() }
    let number = number == 0 ? 1 : number
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
