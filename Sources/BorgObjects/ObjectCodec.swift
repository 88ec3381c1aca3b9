import BorgFormat

/// Plain chunk to stored object and back: compression inside, envelope outside (keys.md section 4). Thread-safe.
public final class ObjectCodec: Sendable {
  public let key: Key

  /// `nonces` nil: reading only; sealing under an encrypting key then traps.
  public init(key: Key, nonces: NonceSource?) { fatalError("contract: BorgObjects") }

  /// Compresses and, where the key encrypts, encrypts. Throws what the nonce source throws, and `IntegrityError`
  /// when the object would exceed Borg's size limit.
  public func seal(
    _ plaintext: UnsafeRawBufferPointer, with compressor: Compressor, workspace: CodecWorkspace
  ) throws -> [UInt8] { fatalError("contract: BorgObjects") }

  /// Authenticates, decrypts, decompresses and, when `id` is given and is not the manifest's, verifies the id.
  /// Throws `IntegrityError` or `DecompressionError`. `sizeHint` (from a chunk list) saves a copy for lz4.
  public func unseal(
    _ object: [UInt8], id: ChunkID?, sizeHint: Int? = nil, workspace: CodecWorkspace
  ) throws -> [UInt8] { fatalError("contract: BorgObjects") }

  /// Authenticates and decrypts only: the compressed payload with its header.
  public func payload(_ object: [UInt8], id: ChunkID?) throws -> [UInt8] { fatalError("contract: BorgObjects") }
}

/// Compression contexts and scratch buffers that a thread keeps from one chunk to the next. Not for two threads.
public final class CodecWorkspace {
  public init() {}
}

/// Borg's DecompressionError (rc 92).
public struct DecompressionError: Error, Equatable, CustomStringConvertible {
  public var detail: String
  public init(_ detail: String) { self.detail = detail }
  public var description: String { "Decompression error: \(detail)" }
}
