import BorgFormat

/// Keys under passphrases (keys.md sections 6 and 9.6).
extension Key {
  private static let iterations = 100_000
  /// More would be nothing but waiting, some seconds as it is.
  private static let maximumIterations = 10_000_000

  /// Opens a key blob with a passphrase: nil when the passphrase is wrong.
  public static func open(
    _ blob: KeyBlob, passphrase: [UInt8], type: KeyType, tamRequiredDefault: Bool
  ) throws -> Key? {
    guard let iterations = Int(exactly: blob.iterations), (1...maximumIterations).contains(iterations) else {
      throw KeyError.invalidData
    }
    var wrapping = KeyDerivation(passphrase: passphrase).key(salt: blob.salt, iterations: iterations, count: 32)
    var packed = applyCipher(to: blob.data, key: wrapping)
    defer {
      wrapping.withUnsafeMutableBytes { SecretMemory.wipe($0) }
      packed.withUnsafeMutableBytes { SecretMemory.wipe($0) }
    }
    guard Digest.constantTimeEqual(code(of: packed, key: wrapping), blob.hash) else { return nil }
    let secrets = try KeyBlob.Secrets(decoding: packed)
    return try Key(
      type: type, secrets: secrets, tamRequired: secrets.tamRequired ?? tamRequiredDefault,
      passphraseWasEmpty: passphrase.isEmpty)
  }

  /// Seals the secrets under a passphrase: fresh salt, 100000 iterations. Nil for `plaintext`.
  public func sealed(passphrase: [UInt8]) -> KeyBlob? {
    guard var secrets else { return nil }
    secrets.tamRequired = tamRequired
    let salt = Digest.randomBytes(32)
    var wrapping = KeyDerivation(passphrase: passphrase).key(salt: salt, iterations: Self.iterations, count: 32)
    var packed = secrets.encoded()
    defer {
      wrapping.withUnsafeMutableBytes { SecretMemory.wipe($0) }
      packed.withUnsafeMutableBytes { SecretMemory.wipe($0) }
    }
    return KeyBlob(
      iterations: Int64(Self.iterations), salt: salt, hash: Self.code(of: packed, key: wrapping),
      data: Self.applyCipher(to: packed, key: wrapping))
  }

  /// The secrets of legacy passphrase mode (keys.md 9.6).
  public static func legacyPassphrase(_ passphrase: [UInt8], repositoryID: ChunkID) -> KeyBlob.Secrets {
    let derived = KeyDerivation(passphrase: passphrase).key(
      salt: repositoryID.bytes, iterations: iterations, count: 100)
    return KeyBlob.Secrets(drawing: derived, repositoryID: repositoryID.bytes, tamRequired: true)
  }

  private static func applyCipher(to data: [UInt8], key: [UInt8]) -> [UInt8] {
    guard data.count <= Int(Int32.max) else { return [] }
    let cipher = key.withUnsafeBytes { CounterCipher(key: $0) }
    cipher.start(counter: 0)
    return [UInt8](unsafeUninitializedCapacity: data.count) { buffer, count in
      if let target = buffer.baseAddress { data.withUnsafeBytes { cipher.apply($0, to: target) } }
      count = data.count
    }
  }

  private static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
    let code = key.withUnsafeBytes { HMACSHA256(key: $0) }
    return [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { buffer, count in
      message.withUnsafeBytes { code.code(of: $0, into: buffer.baseAddress!) }
      count = SHA256.byteCount
    }
  }
}

extension KeyBlob.Secrets {
  /// Cuts 100 random or derived bytes as Borg does (keys.md section 2).
  init(drawing bytes: [UInt8], repositoryID: [UInt8], tamRequired: Bool) {
    precondition(bytes.count == 100)
    let seed = bytes[96...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    self.init(
      repositoryID: repositoryID, encryptionKey: Array(bytes[..<32]), envelopeMACKey: Array(bytes[32..<64]),
      idKey: Array(bytes[64..<96]), chunkSeed: Int32(bitPattern: seed), tamRequired: tamRequired)
  }
}
