import BorgFormat
import CSodium

/// One of Borg's three 32-byte hashes with its key already worked in (keys.md section 3): chunk ids and envelope MACs.
/// Never changes after it is made, so all threads may use it; the `SecretMemory` it points into must outlive it.
enum KeyedHash {
  case sha256
  case hmacSHA256(UnsafePointer<HMACSHA256>)
  case blake2b(UnsafeRawPointer)

  /// libsodium's BLAKE2b state, which Swift cannot see into: its size and alignment in bytes.
  private static let blake2bSize = 384
  private static let blake2bAlignment = 64

  /// The room that `init` needs for a keyed hash, in bytes.
  static let stateSize = max(MemoryLayout<HMACSHA256>.size, blake2bSize)

  /// Makes the state in `memory`, which must be aligned to 64 bytes and hold `stateSize` bytes.
  init(_ kind: KeyType.IDHash, key: [UInt8], in memory: UnsafeMutableRawBufferPointer) {
    precondition(memory.count >= Self.stateSize)
    let start = memory.baseAddress!
    switch kind {
    case .sha256: self = .sha256
    case .hmacSHA256:
      let state = start.bindMemory(to: HMACSHA256.self, capacity: 1)
      key.withUnsafeBytes { state.initialize(to: HMACSHA256(key: $0)) }
      self = .hmacSHA256(state)
    case .blake2b:
      precondition(crypto_generichash_blake2b_statebytes() == Self.blake2bSize)
      let state = OpaquePointer(start)
      crypto_generichash_blake2b_init(state, nil, 0, ChunkID.byteCount)
      crypto_generichash_blake2b_update(state, key, UInt64(key.count))
      self = .blake2b(start)
    }
  }

  /// Writes the 32-byte hash of `message`.
  func hash(_ message: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) {
    switch self {
    case .sha256: Digest.sha256(message, into: target)
    case .hmacSHA256(let state): state.pointee.code(of: message, into: target)
    case .blake2b(let state):
      withUnsafeTemporaryAllocation(byteCount: Self.blake2bSize, alignment: Self.blake2bAlignment) { copy in
        copy.copyMemory(from: UnsafeRawBufferPointer(start: state, count: Self.blake2bSize))
        let running = OpaquePointer(copy.baseAddress!)
        crypto_generichash_blake2b_update(running, message.baseAddress, UInt64(message.count))
        crypto_generichash_blake2b_final(running, target.assumingMemoryBound(to: UInt8.self), ChunkID.byteCount)
      }
    }
  }

  func id(of message: UnsafeRawBufferPointer) -> ChunkID {
    withUnsafeTemporaryAllocation(byteCount: ChunkID.byteCount, alignment: 8) { hash in
      self.hash(message, into: hash.baseAddress!)
      return ChunkID(loading: UnsafeRawBufferPointer(hash))
    }
  }
}
