/// How many buckets Borg's hash tables have and when they change that (repository.md 9.3).
enum HashTableSizes {
  static let smallest = 1031
  static let largest = 2_062_383_853

  private static let sizes = [
    1031, 2053, 4099, 8209, 16411, 32771, 65537, 131_101, 262_147, 445_649, 757_607, 1_287_917, 2_189_459, 3_065_243,
    4_291_319, 6_007_867, 8_410_991, 11_775_359, 16_485_527, 23_079_703, 27_695_653, 33_234_787, 39_881_729, 47_858_071,
    57_429_683, 68_915_617, 82_698_751, 99_238_507, 119_086_189, 144_378_011, 157_223_263, 173_476_439, 190_253_911,
    209_915_011, 230_493_629, 253_169_431, 278_728_861, 306_647_623, 337_318_939, 370_742_809, 408_229_973, 449_387_209,
    493_428_073, 543_105_119, 596_976_533, 657_794_869, 722_676_499, 795_815_791, 874_066_969, 962_279_771,
    1_057_701_643, 1_164_002_657, 1_280_003_147, 1_407_800_297, 1_548_442_699, 1_703_765_389, 1_873_768_367,
    2_062_383_853,
  ]

  /// The smallest size that is not below `capacity`.
  static func fitting(_ capacity: Int) -> Int { sizes[position(of: capacity)] }

  static func larger(than size: Int) -> Int { sizes[min(position(of: size) + 1, sizes.count - 1)] }

  static func smaller(than size: Int) -> Int { sizes[max(position(of: size) - 1, 0)] }

  /// A table with more entries than this grows before it takes another.
  static func upperLimit(_ size: Int) -> Int { size >= largest ? size : Int(Double(size) * 0.75) }

  /// A table with fewer entries than this shrinks.
  static func lowerLimit(_ size: Int) -> Int { size <= smallest ? 0 : Int(Double(size) * 0.25) }

  /// So many buckets must never have been used, so that a search for an unknown id ends soon.
  static func leastEmpty(_ size: Int) -> Int { 1 + Int(Double(size) * (1.0 - 0.93)) }

  private static func position(of size: Int) -> Int {
    sizes.firstIndex { $0 >= size } ?? sizes.count - 1
  }
}
