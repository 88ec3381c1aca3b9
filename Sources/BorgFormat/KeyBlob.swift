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
  public init(decoding bytes: [UInt8]) throws { fatalError("contract: BorgFormat") }
  public func encoded() -> [UInt8] { fatalError("contract: BorgFormat") }

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
    public init(decoding bytes: [UInt8]) throws { fatalError("contract: BorgFormat") }
    public func encoded() -> [UInt8] { fatalError("contract: BorgFormat") }
  }
}

/// Standard base64. Decoding ignores every byte outside the alphabet, as Borg's reader does; nil when undecodable.
public enum Base64 {
  public static func encode(_ bytes: [UInt8]) -> String { fatalError("contract: BorgFormat") }
  public static func decode(_ text: [UInt8]) -> [UInt8]? { fatalError("contract: BorgFormat") }
}
