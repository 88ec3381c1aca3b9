/// The outer map of a stored key (keys.md section 6): encrypted secrets with the parameters to open them.
public struct KeyBlob: Sendable, Equatable {
  public var iterations: Int64
  public var salt: [UInt8]
  public var hash: [UInt8]
  public var data: [UInt8]

  public init(iterations: Int64, salt: [UInt8], hash: [UInt8], data: [UInt8]) {
    self.iterations = iterations
    self.salt = salt
    self.hash = hash
    self.data = data
  }

  /// Throws `FormatError` worded as Borg words version and algorithm errors.
  public init(decoding bytes: [UInt8]) throws {
    let map = FieldMap(try MessagePackValue(decoding: bytes), of: "key")
    let version = try map.int("version")
    guard version == 1 else {
      throw FormatError("encrypted key version \(version) is not supported by this borg version.")
    }
    let algorithm = try map.raw("algorithm")
    guard algorithm == Array("sha256".utf8) else {
      throw FormatError(
        "encrypted key algorithm '\(displayText(algorithm))' is not supported by this borg version.")
    }
    self.init(
      iterations: try map.int("iterations"), salt: try map.raw("salt"), hash: try map.raw("hash"),
      data: try map.raw("data"))
    guard iterations > 0, iterations <= Int64(Int32.max) else { throw FormatError("key: iterations out of range") }
  }

  public func encoded() -> [UInt8] {
    var writer = MessagePackWriter()
    writer.writeMapHeader(6)
    writer.writeRaw("algorithm")
    writer.writeRaw("sha256")
    writer.writeRaw("data")
    writer.writeRaw(data)
    writer.writeRaw("hash")
    writer.writeRaw(hash)
    writer.writeRaw("iterations")
    writer.writeInt(iterations)
    writer.writeRaw("salt")
    writer.writeRaw(salt)
    writer.writeRaw("version")
    writer.writeInt(1)
    return writer.bytes
  }

  /// The decrypted inner map.
  public struct Secrets: Sendable, Equatable {
    public var repositoryID: [UInt8]
    public var encryptionKey: [UInt8]
    public var envelopeMACKey: [UInt8]
    public var idKey: [UInt8]
    public var chunkSeed: Int32
    /// Nil when the blob does not say.
    public var tamRequired: Bool?

    public init(
      repositoryID: [UInt8], encryptionKey: [UInt8], envelopeMACKey: [UInt8], idKey: [UInt8], chunkSeed: Int32,
      tamRequired: Bool?
    ) {
      self.repositoryID = repositoryID
      self.encryptionKey = encryptionKey
      self.envelopeMACKey = envelopeMACKey
      self.idKey = idKey
      self.chunkSeed = chunkSeed
      self.tamRequired = tamRequired
    }

    /// Throws `FormatError`, for an unknown version in Borg's own words, which lack the number.
    public init(decoding bytes: [UInt8]) throws {
      let map = FieldMap(try MessagePackValue(decoding: bytes), of: "key")
      guard try map.int("version") == 1 else {
        throw FormatError("key version %d is not supported by this borg version.")
      }
      guard let chunkSeed = Int32(exactly: try map.int("chunk_seed")) else {
        throw FormatError("key: chunk_seed out of range")
      }
      self.init(
        repositoryID: try map.raw("repository_id"), encryptionKey: try map.raw("enc_key"),
        envelopeMACKey: try map.raw("enc_hmac_key"), idKey: try map.raw("id_key"), chunkSeed: chunkSeed,
        tamRequired: try map.optionalBool("tam_required"))
    }

    public func encoded() -> [UInt8] {
      var writer = MessagePackWriter()
      writer.writeMapHeader(tamRequired == nil ? 6 : 7)
      writer.writeRaw("chunk_seed")
      writer.writeInt(Int64(chunkSeed))
      writer.writeRaw("enc_hmac_key")
      writer.writeRaw(envelopeMACKey)
      writer.writeRaw("enc_key")
      writer.writeRaw(encryptionKey)
      writer.writeRaw("id_key")
      writer.writeRaw(idKey)
      writer.writeRaw("repository_id")
      writer.writeRaw(repositoryID)
      if let tamRequired {
        writer.writeRaw("tam_required")
        writer.writeBool(tamRequired)
      }
      writer.writeRaw("version")
      writer.writeInt(1)
      return writer.bytes
    }
  }
}
