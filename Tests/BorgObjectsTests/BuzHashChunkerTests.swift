import BorgFormat
import BorgTesting
import Testing

@testable import BorgObjects

@Suite struct BuzHashChunkerTests {
  @Test func `cuts fall where Borg cuts`() throws {
    var inputs: [String: [UInt8]] = [:]
    for vector in try Fixtures.vectors("chunker").values("chunk_sizes") {
      let name = vector.get("input").text(indent: nil)
      let input = inputs[name] ?? Inputs.concatenated(vector.values("input"))
      inputs[name] = input
      let numbers = vector.values("params").map(\.int)
      let parameters = ChunkerParameters.buzhash(
        minimumExponent: numbers[0], maximumExponent: numbers[1], maskBits: numbers[2], window: numbers[3])
      let sizes = cut(input, with: BuzHashChunker(parameters, seed: Int32(vector.get("seed").int)))
      #expect(sizes == vector.values("sizes").map(\.int), "\(parameters) \(name)")
      if let flags = vector["all_zero"] { #expect(zeroFlags(input, sizes) == flags.array.map(\.bool)) }
    }
  }

  @Test func `two lanes find what one finds`() {
    var random = SplitMix(state: 7)
    for _ in 0..<150 {
      let minimum = Int(random.next() % 4) + 6
      let mask = minimum + Int(random.next() % 5)
      let maximum = max(mask, minimum + 1) + Int(random.next() % 3)
      let window = min(Int(random.next() % 300) | 1, (1 << maximum) - (1 << minimum) - 1) | 1
      guard ChunkerParameters.isUsable(minimum: minimum, maximum: maximum, window: window) else { continue }
      let parameters = ChunkerParameters.buzhash(
        minimumExponent: minimum, maximumExponent: maximum, maskBits: mask, window: window)
      let seed = Int32(truncatingIfNeeded: random.next())
      let input = mixedInput(&random)
      let sizes = cut(input, with: BuzHashChunker(parameters, seed: seed))
      #expect(sizes == plainCut(input, minimum, maximum, mask, window, seed), "\(parameters) seed \(seed)")
    }
  }

  @Test func `a cut that is told early is the cut of the whole input`() {
    let parameters = ChunkerParameters.buzhash(minimumExponent: 6, maximumExponent: 10, maskBits: 7, window: 63)
    let chunker = BuzHashChunker(parameters, seed: 5)
    let input = Inputs.counted("early", 1024)
    let whole = input.withUnsafeBytes { chunker.firstCut($0, isEnd: true) }
    for count in 0...input.count {
      let early = input[..<count].withUnsafeBytes { chunker.firstCut($0, isEnd: false) }
      #expect(early == nil || early == whole, "\(count) bytes")
      if count == chunker.maximumChunkSize { #expect(early == whole) }
    }
  }

  @Test func `the hash of a window is Borg's`() throws {
    for vector in try Fixtures.vectors("chunker").values("hash") {
      let input = Inputs.concatenated(vector.values("input"))
      let seed = UInt32(vector.get("seed_u32").int)
      #expect(windowHash(input[...], seed) == UInt32(vector.get("buzhash").int))
    }
  }

  @Test func `zeros are told from everything else`() {
    for count in [0, 1, 63, 64, 65, 200] {
      var bytes = [UInt8](repeating: 0, count: count)
      #expect(bytes.withUnsafeBytes { isAllZero($0) })
      for index in bytes.indices {
        bytes[index] = 1
        #expect(bytes.withUnsafeBytes { !isAllZero($0) && firstNonZero(in: $0, from: 0) == index })
        bytes[index] = 0
      }
    }
  }

  private func cut(_ input: [UInt8], with chunker: BuzHashChunker) -> [Int] {
    var sizes: [Int] = []
    input.withUnsafeBytes { bytes in
      var start = 0
      while let size = chunker.firstCut(UnsafeRawBufferPointer(rebasing: bytes[start...]), isEnd: true) {
        sizes.append(size)
        start += size
      }
    }
    return sizes
  }

  private func zeroFlags(_ input: [UInt8], _ sizes: [Int]) -> [Bool] {
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return input[start..<start + size].withUnsafeBytes { isAllZero($0) }
    }
  }

  /// Noise with runs of zeros and of other bytes.
  private func mixedInput(_ random: inout SplitMix) -> [UInt8] {
    var input: [UInt8] = []
    for _ in 0..<4 {
      input += (0..<Int(random.next() % 3000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      input += [UInt8](repeating: random.next() % 3 == 0 ? 9 : 0, count: Int(random.next() % 3000))
    }
    return input
  }

  /// The rule of chunks.md section 2.1 word for word, without rolling.
  private func plainCut(
    _ input: [UInt8], _ minimum: Int, _ maximum: Int, _ mask: Int, _ window: Int, _ seed: Int32
  ) -> [Int] {
    var sizes: [Int] = []
    var start = 0
    while start < input.count {
      var end = min(start + 1 << maximum, input.count)
      if input.count - start < 1 << minimum + window + 1 {
        end = input.count
      } else {
        var candidate = start + 1 << minimum
        var hash = windowHash(input[candidate..<candidate + window], UInt32(bitPattern: seed))
        while candidate + window < end {
          if hash & (1 << UInt32(mask) - 1) == 0 { end = candidate }
          hash = slide(hash, input[candidate], input[candidate + window], window, UInt32(bitPattern: seed))
          candidate += 1
        }
      }
      sizes.append(end - start)
      start = end
    }
    return sizes
  }

  private func windowHash(_ window: ArraySlice<UInt8>, _ seed: UInt32) -> UInt32 {
    window.reduce(0) { BuzHashTables.rotate($0, 1) ^ buzHashBase[Int($1)] ^ seed }
  }

  private func slide(_ hash: UInt32, _ out: UInt8, _ add: UInt8, _ window: Int, _ seed: UInt32) -> UInt32 {
    BuzHashTables.rotate(hash, 1) ^ BuzHashTables.rotate(buzHashBase[Int(out)] ^ seed, UInt32(window % 32))
      ^ buzHashBase[Int(add)] ^ seed
  }
}

/// Repeatable noise.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
