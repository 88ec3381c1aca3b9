/// Bytes as a QR code (ISO/IEC 18004): one byte segment, error correction level M, the smallest version that holds it.
struct QRCode {
  /// Modules in each direction, without the quiet zone.
  let size: Int
  private let version: Int
  /// Rows of modules; true is dark.
  private var modules: [Bool]
  /// Modules that belong to the symbol's structure: neither data nor masked.
  private var isStructure: [Bool]

  /// Nil for more bytes than any version holds (2331).
  init?(_ bytes: [UInt8]) {
    self.init(bytes, mask: nil)
  }

  /// With a mask of one's own choice (0 to 7) instead of the best one.
  init?(_ bytes: [UInt8], mask: Int?) {
    guard let version = (1...40).first(where: { Layout($0).holds(bytes.count) }) else { return nil }
    self.version = version
    size = 17 + 4 * version
    modules = [Bool](repeating: false, count: size * size)
    isStructure = modules
    drawStructure()
    draw(Layout(version).codewords(bytes))
    apply(mask: mask ?? bestMask())
  }

  subscript(column: Int, row: Int) -> Bool { modules[row * size + column] }

  private mutating func set(_ column: Int, _ row: Int, _ isDark: Bool) {
    modules[row * size + column] = isDark
    isStructure[row * size + column] = true
  }

  // MARK: Structure

  private mutating func drawStructure() {
    for index in 0..<size {
      set(6, index, index.isMultiple(of: 2))
      set(index, 6, index.isMultiple(of: 2))
    }
    for (column, row) in [(3, 3), (size - 4, 3), (3, size - 4)] { drawFinder(column, row) }
    let centers = alignmentCenters
    for (i, column) in centers.enumerated() {
      for (j, row) in centers.enumerated() {
        let last = centers.count - 1
        if (i, j) != (0, 0), (i, j) != (0, last), (i, j) != (last, 0) { drawAlignment(column, row) }
      }
    }
    drawFormat(mask: 0)
    if version >= 7 { drawVersion() }
  }

  /// A finder pattern with its separator, cut off at the symbol's edges.
  private mutating func drawFinder(_ column: Int, _ row: Int) {
    for y in max(0, row - 4)...min(size - 1, row + 4) {
      for x in max(0, column - 4)...min(size - 1, column + 4) {
        let distance = max(abs(x - column), abs(y - row))
        set(x, y, distance != 2 && distance != 4)
      }
    }
  }

  private mutating func drawAlignment(_ column: Int, _ row: Int) {
    for y in (row - 2)...(row + 2) {
      for x in (column - 2)...(column + 2) { set(x, y, max(abs(x - column), abs(y - row)) != 1) }
    }
  }

  private var alignmentCenters: [Int] {
    guard version > 1 else { return [] }
    let count = version / 7 + 2
    let step = version == 32 ? 26 : (version * 4 + count * 2 + 1) / (count * 2 - 2) * 2
    return [6] + (0..<count - 1).reversed().map { size - 7 - $0 * step }
  }

  /// Level and mask, twice, with their check bits.
  private mutating func drawFormat(mask: Int) {
    let bits = (mask << 10 | QRCode.remainder(mask << 10, by: 0x537, bits: 10)) ^ 0x5412
    func bit(_ index: Int) -> Bool { bits >> index & 1 == 1 }
    for index in 0..<6 { set(8, index, bit(index)) }
    set(8, 7, bit(6))
    set(8, 8, bit(7))
    set(7, 8, bit(8))
    for index in 9..<15 { set(14 - index, 8, bit(index)) }
    for index in 0..<8 { set(size - 1 - index, 8, bit(index)) }
    for index in 8..<15 { set(8, size - 15 + index, bit(index)) }
    set(8, size - 8, true)
  }

  private mutating func drawVersion() {
    let bits = version << 12 | QRCode.remainder(version << 12, by: 0x1f25, bits: 12)
    for index in 0..<18 {
      let (far, near) = (size - 11 + index % 3, index / 3)
      set(far, near, bits >> index & 1 == 1)
      set(near, far, bits >> index & 1 == 1)
    }
  }

  /// The check bits of a BCH code: the remainder of polynomials over two elements.
  private static func remainder(_ value: Int, by divisor: Int, bits: Int) -> Int {
    var value = value
    for shift in (0..<18).reversed() where shift >= bits && value >> shift & 1 == 1 {
      value ^= divisor << (shift - bits)
    }
    return value
  }

  // MARK: Data

  /// Columns in pairs from the right, alternately upwards and downwards.
  private mutating func draw(_ codewords: [UInt8]) {
    var position = 0
    var upward = true
    for pair in stride(from: size - 1, through: 1, by: -2) {
      let right = pair <= 6 ? pair - 1 : pair
      for step in 0..<size {
        for column in [right, right - 1] {
          let row = upward ? size - 1 - step : step
          guard !isStructure[row * size + column], position < codewords.count * 8 else { continue }
          modules[row * size + column] = codewords[position / 8] >> UInt8(7 - position % 8) & 1 == 1
          position += 1
        }
      }
      upward.toggle()
    }
  }

  /// Inverts the mask's modules; twice is not at all.
  private mutating func apply(mask: Int) {
    drawFormat(mask: mask)
    for y in 0..<size {
      for x in 0..<size where !isStructure[y * size + x] && QRCode.isMasked(mask, x, y) {
        modules[y * size + x].toggle()
      }
    }
  }

  private static func isMasked(_ mask: Int, _ x: Int, _ y: Int) -> Bool {
    switch mask {
    case 0: (x + y) % 2 == 0
    case 1: y % 2 == 0
    case 2: x % 3 == 0
    case 3: (x + y) % 3 == 0
    case 4: (x / 3 + y / 2) % 2 == 0
    case 5: x * y % 2 + x * y % 3 == 0
    case 6: (x * y % 2 + x * y % 3) % 2 == 0
    default: ((x + y) % 2 + x * y % 3) % 2 == 0
    }
  }

  // MARK: Choosing the mask

  private func bestMask() -> Int {
    let penalties = (0..<8).map { mask in
      var masked = self
      masked.apply(mask: mask)
      return masked.penalty
    }
    return penalties.indices.min { penalties[$0] < penalties[$1] } ?? 0
  }

  /// How hard the symbol is to read: long runs, blocks, patterns like finders, and too much of one colour.
  private var penalty: Int {
    var sum = 0
    for line in 0..<size {
      sum += QRCode.linePenalty((0..<size).map { self[$0, line] })
      sum += QRCode.linePenalty((0..<size).map { self[line, $0] })
    }
    for y in 0..<size - 1 {
      for x in 0..<size - 1 {
        let first = self[x, y]
        if self[x + 1, y] == first, self[x, y + 1] == first, self[x + 1, y + 1] == first { sum += 3 }
      }
    }
    let darkShare = modules.count { $0 } * 20 / modules.count
    return sum + (darkShare < 10 ? 9 - darkShare : darkShare - 10) * 10
  }

  private static func linePenalty(_ line: [Bool]) -> Int {
    var sum = 0
    var run = 0
    var window = 0
    for (index, isDark) in line.enumerated() {
      run = index > 0 && line[index - 1] == isDark ? run + 1 : 1
      if run == 5 { sum += 3 } else if run > 5 { sum += 1 }
      window = (window << 1 | (isDark ? 1 : 0)) & 0x7ff
      if index >= 10, window == 0b101_1101_0000 || window == 0b000_0101_1101 { sum += 40 }
    }
    return sum
  }
}

extension QRCode {
  /// How one version divides its codewords among data and error correction at level M.
  private struct Layout {
    private static let checksPerBlock = [
      10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28,
      28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    ]
    private static let blockCounts = [
      1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33,
      35, 37, 38, 40, 43, 45, 47, 49,
    ]

    private let version: Int
    private let checks: Int
    private let blocks: Int
    private let total: Int

    init(_ version: Int) {
      self.version = version
      checks = Layout.checksPerBlock[version - 1]
      blocks = Layout.blockCounts[version - 1]
      var bits = (16 * version + 128) * version + 64
      if version >= 2 {
        let count = version / 7 + 2
        bits -= (25 * count - 10) * count - 55
        if version >= 7 { bits -= 36 }
      }
      total = bits / 8
    }

    private var dataCount: Int { total - checks * blocks }
    private var lengthBits: Int { version < 10 ? 8 : 16 }

    func holds(_ count: Int) -> Bool { 4 + lengthBits + 8 * count <= 8 * dataCount }

    /// Data and check codewords, the blocks interleaved.
    func codewords(_ bytes: [UInt8]) -> [UInt8] {
      let data = padded(bytes)
      let code = ReedSolomon(checks)
      var dataBlocks: [ArraySlice<UInt8>] = []
      var start = 0
      for block in 0..<blocks {
        let length = total / blocks - checks + (block < blocks - total % blocks ? 0 : 1)
        dataBlocks.append(data[start..<start + length])
        start += length
      }
      let checkBlocks = dataBlocks.map { code.checks(of: $0)[...] }
      return Layout.interleaved(dataBlocks) + Layout.interleaved(checkBlocks)
    }

    private static func interleaved(_ blocks: [ArraySlice<UInt8>]) -> [UInt8] {
      let longest = blocks.map(\.count).max() ?? 0
      return (0..<longest).flatMap { index in
        blocks.compactMap { index < $0.count ? $0[$0.startIndex + index] : nil }
      }
    }

    /// Mode, length, bytes, terminator and padding.
    private func padded(_ bytes: [UInt8]) -> [UInt8] {
      var bits: [Bool] = []
      func append(_ value: Int, _ count: Int) {
        for shift in (0..<count).reversed() { bits.append(value >> shift & 1 == 1) }
      }
      append(0b0100, 4)
      append(bytes.count, lengthBits)
      for byte in bytes { append(Int(byte), 8) }
      append(0, min(4, dataCount * 8 - bits.count))
      append(0, (8 - bits.count % 8) % 8)
      var data = stride(from: 0, to: bits.count, by: 8).map { start in
        bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
      }
      while data.count < dataCount {
        data.append(0xec)
        if data.count < dataCount { data.append(0x11) }
      }
      return data
    }
  }

  /// Check codewords over the field of 256 elements with the polynomial 0x11d.
  private struct ReedSolomon {
    private let generator: [UInt8]

    init(_ degree: Int) {
      var generator = [UInt8](repeating: 0, count: degree - 1) + [1]
      var root: UInt8 = 1
      for _ in 0..<degree {
        for index in 0..<degree {
          generator[index] = ReedSolomon.multiply(generator[index], root)
          if index + 1 < degree { generator[index] ^= generator[index + 1] }
        }
        root = ReedSolomon.multiply(root, 2)
      }
      self.generator = generator
    }

    func checks(of data: ArraySlice<UInt8>) -> [UInt8] {
      var remainder = [UInt8](repeating: 0, count: generator.count)
      for byte in data {
        let factor = byte ^ remainder.removeFirst()
        remainder.append(0)
        for index in generator.indices { remainder[index] ^= ReedSolomon.multiply(generator[index], factor) }
      }
      return remainder
    }

    private static func multiply(_ a: UInt8, _ b: UInt8) -> UInt8 {
      var product = 0
      for shift in (0..<8).reversed() {
        product = product << 1 ^ (product >> 7) * 0x11d
        product ^= (Int(b) >> shift & 1) * Int(a)
      }
      return UInt8(truncatingIfNeeded: product)
    }
  }
}
