import BorgFormat
import CCrypto

/// Seals what is kept outside a repository, in caches: AES-256-GCM under a key that follows from the repository's key
/// and a salt. A sealed record is a random nonce of 12 bytes, the ciphertext, and a tag of 16 bytes.
///
/// The tag covers the record's context as well, so that one record cannot pass for another. In mode none there are no
/// secrets: the key follows from the salt alone, and the tag is no more than a checksum.
public final class RecordCipher: @unchecked Sendable {
  // Unchecked: the memory is written in init and only read afterwards.
  private let memory = SecretMemory(count: 64)

  /// What a sealed record has beyond its plaintext, in bytes.
  public static let overhead = nonceSize + tagSize
  private static let nonceSize = 12
  private static let tagSize = 16

  public init(_ key: Key, salt: [UInt8]) {
    var root = key.recordKey(salt: salt)
    memory.bytes.copyBytes(from: root)
    root.withUnsafeMutableBytes { SecretMemory.wipe($0) }
  }

  /// The key of a hash of names, from the same secrets.
  public var hashKey: (UInt64, UInt64) {
    (memory.bytes.load(fromByteOffset: 32, as: UInt64.self), memory.bytes.load(fromByteOffset: 40, as: UInt64.self))
  }

  /// A name of 40 hex digits for a record, from which its context cannot be told.
  public func name(of context: [UInt8]) -> String {
    let key = Array(memory.bytes[48..<64])
    return Hex.encode(Array(context.withUnsafeBytes { Digest.hmacSHA512(key: key, $0) }.prefix(20)))
  }

  /// Nil: libcrypto refuses, or the plaintext is longer than `Int32.max` bytes.
  public func seal(_ plaintext: [UInt8], context: [UInt8]) -> [UInt8]? {
    guard let length = Int32(exactly: plaintext.count), let cipher = EVP_CIPHER_CTX_new() else { return nil }
    defer { EVP_CIPHER_CTX_free(cipher) }
    let nonce = Digest.randomBytes(RecordCipher.nonceSize)
    var isSealed = false
    let record = [UInt8](unsafeUninitializedCapacity: Int(length) + RecordCipher.overhead) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      base.initialize(from: nonce, count: nonce.count)
      let text = base + RecordCipher.nonceSize
      var written: Int32 = 0
      isSealed =
        EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nil, cipherKey, nonce) == 1
        && EVP_EncryptUpdate(cipher, nil, &written, context, Int32(clamping: context.count)) == 1
        && EVP_EncryptUpdate(cipher, text, &written, plaintext, length) == 1
        && EVP_EncryptFinal_ex(cipher, text + Int(length), &written) == 1
        && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, Int32(RecordCipher.tagSize), text + Int(length)) == 1
      count = isSealed ? Int(length) + RecordCipher.overhead : 0
    }
    return isSealed ? record : nil
  }

  /// Nil: the record is damaged, or another one.
  public func open(_ record: [UInt8], context: [UInt8]) -> [UInt8]? {
    guard record.count >= RecordCipher.overhead, let length = Int32(exactly: record.count - RecordCipher.overhead),
      let cipher = EVP_CIPHER_CTX_new()
    else { return nil }
    defer { EVP_CIPHER_CTX_free(cipher) }
    var tag = Array(record.suffix(RecordCipher.tagSize))
    var isAuthentic = false
    let plaintext = [UInt8](unsafeUninitializedCapacity: Int(length)) { text, count in
      record.withUnsafeBufferPointer { record in
        guard let base = record.baseAddress else { return }
        var written: Int32 = 0
        var last: UInt8 = 0
        isAuthentic =
          EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), nil, cipherKey, base) == 1
          && EVP_DecryptUpdate(cipher, nil, &written, context, Int32(clamping: context.count)) == 1
          && EVP_DecryptUpdate(cipher, text.baseAddress, &written, base + RecordCipher.nonceSize, length) == 1
          && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, Int32(RecordCipher.tagSize), &tag) == 1
          && EVP_DecryptFinal_ex(cipher, &last, &written) == 1
      }
      count = isAuthentic ? Int(length) : 0
    }
    return isAuthentic ? plaintext : nil
  }

  private var cipherKey: UnsafePointer<UInt8>? {
    UnsafePointer(memory.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
  }
}
