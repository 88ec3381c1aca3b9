import BorgFormat
import CSodium

/// Plain chunk to stored object and back: compression inside, envelope outside (keys.md section 4). Thread-safe.
public final class ObjectCodec: Sendable {
  public let key: Key
  private let nonces: NonceSource?

  /// The largest object that a repository takes, in bytes.
  public static let maximumObjectSize = ChunkerParameters.maximumDataSize

  /// `nonces` nil: reading only; sealing under an encrypting key then traps.
  public init(key: Key, nonces: NonceSource?) {
    self.key = key
    self.nonces = nonces
  }

  /// Compresses and, where the key encrypts, encrypts. Throws what the nonce source throws, and `IntegrityError`
  /// when the object would exceed Borg's size limit.
  public func seal(
    _ plaintext: UnsafeRawBufferPointer, with compressor: Compressor, workspace: CodecWorkspace
  ) throws -> [UInt8] {
    var object = PayloadEncoder(workspace: workspace)
      .payload(of: plaintext, with: compressor, reserving: Envelope.headerSize(key.type))
    guard object.count <= Self.maximumObjectSize else {
      throw IntegrityError("More than allowed put data [\(object.count) > \(Self.maximumObjectSize)]")
    }
    object[0] = key.type.rawValue
    if key.type.encrypts { try encrypt(&object, workspace) }
    return object
  }

  /// Authenticates, decrypts, decompresses and, when `id` is given and is not the manifest's, verifies the id.
  /// Throws `IntegrityError` or `DecompressionError`, and `SystemError` where memory is wanting. `sizeHint` (from a chunk
  /// list) saves a copy for lz4. More plaintext than `maximumSize`, in bytes, is an error before memory is taken for it.
  public func unseal(
    _ object: [UInt8], id: ChunkID?, sizeHint: Int? = nil, maximumSize: Int = .max, workspace: CodecWorkspace
  ) throws -> [UInt8] {
    let sizes = PayloadDecoder.Sizes(hint: sizeHint, maximum: min(maximumSize, PayloadDecoder.maximumSize))
    let plain = try object.withUnsafeBytes { object in
      try verifyEnvelope(object, id)
      return try decode(object, id, sizes, workspace)
    }
    try verifyID(of: plain, id)
    return plain
  }

  /// The method that a payload of `plaintext` would name: what cannot shrink is stored plain.
  public func methodName(
    of plaintext: UnsafeRawBufferPointer, with compressor: Compressor, workspace: CodecWorkspace
  ) -> String? {
    PayloadEncoder(workspace: workspace).payload(of: plaintext, with: compressor, reserving: 0)
      .withUnsafeBytes { Compressor.methodName(ofPayload: $0) }
  }

  /// Authenticates and decrypts only: the compressed payload with its header.
  public func payload(_ object: [UInt8], id: ChunkID?) throws -> [UInt8] {
    try object.withUnsafeBytes { object in
      try verifyEnvelope(object, id)
      let body = UnsafeRawBufferPointer(rebasing: object[Envelope.headerSize(key.type)...])
      guard key.type.encrypts else { return Array(body) }
      let cipher = CounterCipher(key: key.material.encryptionKey)
      cipher.start(counter: Envelope.nonce(object))
      return decrypt(body, cipher)
    }
  }

  private func encrypt(_ object: inout [UInt8], _ workspace: CodecWorkspace) throws {
    guard let nonces else { preconditionFailure("sealing under an encrypting key needs nonces") }
    let payloadSize = object.count - Envelope.encryptedHeaderSize
    let nonce = try nonces.take((UInt64(payloadSize) + 15) / 16)
    let cipher = workspace.cipher(for: key)
    object.withUnsafeMutableBytes { object in
      object.storeBytes(of: nonce.bigEndian, toByteOffset: Envelope.nonceOffset, as: UInt64.self)
      let payload = UnsafeMutableRawBufferPointer(rebasing: object[Envelope.encryptedHeaderSize...])
      cipher.start(counter: nonce)
      cipher.apply(UnsafeRawBufferPointer(payload), to: payload.baseAddress!)
      let authenticated = UnsafeRawBufferPointer(rebasing: object[Envelope.nonceOffset...])
      key.material.macHash.hash(authenticated, into: object.baseAddress! + Envelope.macOffset)
    }
  }

  private func verifyEnvelope(_ object: UnsafeRawBufferPointer, _ id: ChunkID?) throws {
    guard let typeByte = object.first, key.type.accepts(typeByte), object.count >= Envelope.headerSize(key.type),
      object.count <= Int(Int32.max)
    else {
      let kind = key.type.isAuthenticatedOnly ? "Invalid envelope" : "Invalid encryption envelope"
      throw IntegrityError("Chunk \(Self.name(id)): \(kind)")
    }
    guard key.type.encrypts else { return }
    let isAuthentic = withUnsafeTemporaryAllocation(byteCount: Envelope.macSize, alignment: 8) { code in
      let authenticated = UnsafeRawBufferPointer(rebasing: object[Envelope.nonceOffset...])
      key.material.macHash.hash(authenticated, into: code.baseAddress!)
      return sodium_memcmp(code.baseAddress, object.baseAddress! + Envelope.macOffset, Envelope.macSize) == 0
    }
    guard isAuthentic else { throw IntegrityError("MAC Authentication failed") }
  }

  /// Decrypts and decompresses. A payload that is stored plain is decrypted right into the result.
  private func decode(
    _ object: UnsafeRawBufferPointer, _ id: ChunkID?, _ sizes: PayloadDecoder.Sizes, _ workspace: CodecWorkspace
  ) throws -> [UInt8] {
    let body = UnsafeRawBufferPointer(rebasing: object[Envelope.headerSize(key.type)...])
    guard key.type.encrypts else { return try decompress(body, id, sizes, workspace) }
    let cipher = workspace.cipher(for: key)
    cipher.start(counter: Envelope.nonce(object))
    let room = workspace.payload.room(body.count)
    let headerSize = min(2, body.count)
    cipher.apply(UnsafeRawBufferPointer(rebasing: body[..<headerSize]), to: room.baseAddress!)
    let rest = UnsafeRawBufferPointer(rebasing: body[headerSize...])
    if PayloadMethod(UnsafeRawBufferPointer(rebasing: room[..<headerSize])) == PayloadMethod.none {
      try PayloadDecoder.check(rest.count, sizes)
      return decrypt(rest, cipher)
    }
    cipher.apply(rest, to: room.baseAddress! + headerSize)
    return try decompress(UnsafeRawBufferPointer(room), id, sizes, workspace)
  }

  private func decrypt(_ body: UnsafeRawBufferPointer, _ cipher: CounterCipher) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: body.count) { buffer, count in
      if let target = buffer.baseAddress { cipher.apply(body, to: target) }
      count = body.count
    }
  }

  private func decompress(
    _ payload: UnsafeRawBufferPointer, _ id: ChunkID?, _ sizes: PayloadDecoder.Sizes, _ workspace: CodecWorkspace
  ) throws -> [UInt8] {
    do {
      return try PayloadDecoder(workspace: workspace).plain(payload, sizes)
    } catch let error as PayloadDecoder.UnknownMethod {
      throw IntegrityError("Chunk \(Self.name(id)): \(error)")
    }
  }

  private func verifyID(of plain: [UInt8], _ id: ChunkID?) throws {
    guard let id, id != .manifest, key.checksAuthenticity else { return }
    let actual = plain.withUnsafeBytes { key.id(of: $0) }
    guard actual == id else { throw IntegrityError("Chunk \(id.hex): id verification failed") }
  }

  private static func name(_ id: ChunkID?) -> String { id?.hex ?? "(unknown)" }
}

/// Where things stand in a stored object (keys.md section 4).
enum Envelope {
  static let plainHeaderSize = 1
  static let macOffset = 1
  static let macSize = 32
  static let nonceOffset = 33
  static let encryptedHeaderSize = 41

  static func headerSize(_ type: KeyType) -> Int { type.encrypts ? encryptedHeaderSize : plainHeaderSize }

  /// `object` must hold a whole header.
  static func nonce(_ object: UnsafeRawBufferPointer) -> UInt64 {
    UInt64(bigEndian: object.loadUnaligned(fromByteOffset: nonceOffset, as: UInt64.self))
  }
}

/// Borg's DecompressionError (rc 92).
public struct DecompressionError: Error, Equatable, CustomStringConvertible {
  public var detail: String
  public init(_ detail: String) { self.detail = detail }
  public var description: String { "Decompression error: \(detail)" }
}
