/// Finds content-defined cuts in a growing buffer (chunks.md section 2.1); does no I/O. One per thread.
///
/// The hash of one window follows from the one before, so a single scan waits on itself. Two lanes that stand some way
/// apart keep the processor busy; a cut that the far lane finds counts only when the near lane has found none before.
public struct BuzHashChunker {
  private let tables: BuzHashTables
  private let minimum: Int
  private let maximum: Int
  private let window: Int
  private let mask: UInt32
  /// How many candidates each of two lanes takes before they move on.
  private let laneLength: Int

  /// `parameters` must be `.buzhash`.
  public init(_ parameters: ChunkerParameters, seed: Int32) {
    guard case .buzhash(let minimumExponent, let maximumExponent, let maskBits, let window) = parameters,
      ChunkerParameters.isUsable(minimum: minimumExponent, maximum: maximumExponent, window: window),
      (0...31).contains(maskBits)
    else { preconditionFailure("a buzhash chunker needs usable buzhash parameters") }
    tables = BuzHashTables(seed: UInt32(bitPattern: seed), window: window)
    minimum = 1 << minimumExponent
    maximum = 1 << maximumExponent
    self.window = window
    mask = (1 << UInt32(maskBits)) - 1
    laneLength = max((1 << maskBits) >> 5, 2 * window, 64)
  }

  public var maximumChunkSize: Int { maximum }

  /// The length of the first chunk of `bytes`, which begin at a chunk's start. Nil: cannot tell yet, more bytes are
  /// needed (only when `isEnd` is false). With `isEnd`, the input ends with `bytes`; empty input gives nil.
  /// A caller that always offers `maximumChunkSize` bytes or the end gets an answer at once.
  public func firstCut(_ bytes: UnsafeRawBufferPointer, isEnd: Bool) -> Int? {
    guard bytes.count > minimum + window else { return isEnd && !bytes.isEmpty ? bytes.count : nil }
    let limit = min(maximum, bytes.count)
    let input = UnsafeRawBufferPointer(rebasing: bytes[..<limit])
    if let cut = scan(input, from: minimum, to: limit - window) { return cut }
    return isEnd || limit == maximum ? limit : nil
  }

  /// The first candidate in `start..<end` whose window's hash has its low bits zero. Every window, and one byte after
  /// it, lies within `input`.
  private func scan(_ input: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
    guard start < end, let base = input.baseAddress else { return nil }
    let bytes = base.assumingMemoryBound(to: UInt8.self)
    var position = start
    var hash = self.hash(bytes + start)
    while position < end {
      if let runEnd = zeroRun(input, at: position) {
        if hash & mask == 0 { return position }
        position = runEnd - window
        guard position < end else { return nil }
        hash = tables.slide(hash, out: 0, in: bytes[runEnd])
        position += 1
      } else if end - position >= 2 * laneLength {
        if let cut = scanLanes(bytes + position, &hash) { return position + cut }
        position += 2 * laneLength
      } else {
        return scanLane(bytes + position, count: end - position, hash).map { position + $0 }
      }
    }
    return nil
  }

  /// Where the zeros end, when the whole window at `position` is zero: until then the hash stays the same.
  private func zeroRun(_ input: UnsafeRawBufferPointer, at position: Int) -> Int? {
    let end = firstNonZero(in: input, from: position)
    return end - position >= window ? end : nil
  }

  /// Scans `2 * laneLength` candidates; leaves the hash of the next in `hash`. The near lane begins with `hash`.
  private func scanLanes(_ near: UnsafePointer<UInt8>, _ hash: inout UInt32) -> Int? {
    let (out, add, mask, window, length) = (tables.out, tables.add, self.mask, self.window, laneLength)
    let far = near + length
    var nearHash = hash
    var farHash = self.hash(far)
    var index = 0
    while index < length {
      if nearHash & mask == 0 { return index }
      if farHash & mask == 0 {
        return scanLane(near + index, count: length - index, nearHash).map { index + $0 } ?? length + index
      }
      nearHash =
        BuzHashTables.rotate(nearHash, 1) ^ (out[Int(near[index])] ^ add[Int(near[index &+ window])])
      farHash = BuzHashTables.rotate(farHash, 1) ^ (out[Int(far[index])] ^ add[Int(far[index &+ window])])
      index &+= 1
    }
    hash = farHash
    return nil
  }

  private func scanLane(_ lane: UnsafePointer<UInt8>, count: Int, _ start: UInt32) -> Int? {
    let (out, add, mask, window) = (tables.out, tables.add, self.mask, self.window)
    var hash = start
    var index = 0
    while index < count {
      if hash & mask == 0 { return index }
      hash = BuzHashTables.rotate(hash, 1) ^ (out[Int(lane[index])] ^ add[Int(lane[index &+ window])])
      index &+= 1
    }
    return nil
  }

  /// The hash of the window at `bytes`, made from four parts at a time.
  private func hash(_ bytes: UnsafePointer<UInt8>) -> UInt32 {
    let part = window / 4
    let (second, third, fourth) = (bytes + part, bytes + 2 * part, bytes + 3 * part)
    let add = tables.add
    var hashes: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    for index in 0..<part {
      hashes.0 = BuzHashTables.rotate(hashes.0, 1) ^ add[Int(bytes[index])]
      hashes.1 = BuzHashTables.rotate(hashes.1, 1) ^ add[Int(second[index])]
      hashes.2 = BuzHashTables.rotate(hashes.2, 1) ^ add[Int(third[index])]
      hashes.3 = BuzHashTables.rotate(hashes.3, 1) ^ add[Int(fourth[index])]
    }
    let shift = UInt32(part & 31)
    var hash = BuzHashTables.rotate(hashes.0, shift) ^ hashes.1
    hash = BuzHashTables.rotate(hash, shift) ^ hashes.2
    hash = BuzHashTables.rotate(hash, shift) ^ hashes.3
    for index in 4 * part..<window { hash = BuzHashTables.rotate(hash, 1) ^ add[Int(bytes[index])] }
    return hash
  }
}

/// What a byte adds to the rolling hash as it enters the window and takes from it as it leaves.
final class BuzHashTables {
  let add: UnsafeMutablePointer<UInt32>
  let out: UnsafeMutablePointer<UInt32>

  init(seed: UInt32, window: Int) {
    add = .allocate(capacity: 256)
    out = .allocate(capacity: 256)
    for (byte, base) in buzHashBase.enumerated() {
      add[byte] = base ^ seed
      out[byte] = Self.rotate(base ^ seed, UInt32(window & 31))
    }
  }

  deinit {
    add.deallocate()
    out.deallocate()
  }

  @inline(__always) func slide(_ hash: UInt32, out outgoing: UInt8, in incoming: UInt8) -> UInt32 {
    Self.rotate(hash, 1) ^ out[Int(outgoing)] ^ add[Int(incoming)]
  }

  @inline(__always) static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 {
    value &<< count | value &>> ((32 &- count) & 31)
  }
}
