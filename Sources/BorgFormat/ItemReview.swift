/// What `check` sees of one packed item without decoding it (archives.md sections 5 and 8).
public struct ItemReview: Sendable {
  public let byteCount: Int
  /// Why this is no item, in Borg's words; nil: it is one.
  public let problem: String?
  public let hasPath: Bool
  public let hasHealthyList: Bool
  /// The stored `size`.
  public let size: Int64?
  fileprivate let chunksOffset: Int?

  public var hasChunks: Bool { chunksOffset != nil }

  /// Hands over the item's `chunks`. `bytes` are those that were reviewed.
  public func forEachChunk(in bytes: UnsafeRawBufferPointer, _ body: (ChunkListEntry) -> Void) {
    guard let chunksOffset else { return }
    var reader = MessagePackReader(bytes, offset: chunksOffset)
    do { try reader.readChunkList(body) } catch { preconditionFailure("reviewed lists can be read") }
  }
}

extension ItemReview {
  /// Reviews the value at the start of `bytes`; nil when they end inside it. `furtherKeys` are allowed besides those
  /// that this program knows. Throws `FormatError` for what is not msgpack.
  public init?(_ bytes: UnsafeRawBufferPointer, furtherKeys: Set<[UInt8]>) throws {
    var reader = MessagePackReader(bytes)
    var fields = ReviewedFields()
    do throws(MessagePackReader.Failure) {
      for _ in 0..<(try reader.readMapHeader()) { try fields.read(&reader, furtherKeys) }
      self.init(reader.offset, fields, problem: fields.problem)
    } catch .truncated {
      return nil
    } catch .malformed(let reason) {
      guard let byteCount = try ItemReview.length(of: bytes) else { return nil }
      let isMap = bytes[0] & 0xf0 == 0x80 || bytes[0] == 0xde || bytes[0] == 0xdf
      self.init(byteCount, fields, problem: isMap ? reason : "not a dictionary")
    }
  }

  private init(_ byteCount: Int, _ fields: ReviewedFields, problem: String?) {
    self.byteCount = byteCount
    self.problem = problem
    hasPath = fields.hasPath
    hasHealthyList = fields.hasHealthyList
    size = fields.size
    chunksOffset = problem == nil ? fields.chunksOffset : nil
  }

  /// The first value's length in bytes; nil when it is not complete.
  private static func length(of bytes: UnsafeRawBufferPointer) throws -> Int? {
    var reader = MessagePackReader(bytes)
    do throws(MessagePackReader.Failure) {
      try reader.skipValue()
      return reader.offset
    } catch .truncated {
      return nil
    } catch {
      throw error.formatError
    }
  }

  /// Whether a map with a known first key seems to begin here, as Borg's resynchronisation asks.
  public static func mayBegin(at place: Int, in bytes: UnsafeRawBufferPointer) -> Bool {
    guard place < bytes.count else { return false }
    let key: Int
    if bytes[place] & 0xf0 == 0x80 {
      key = place + 1
    } else if bytes[place] == 0xde {
      key = place + 3
    } else {
      return false
    }
    guard key < bytes.count, bytes[key] & 0xe0 == 0xa0 || (0xd9...0xdb).contains(bytes[key]) else { return false }
    var reader = MessagePackReader(bytes, offset: key)
    guard let name = try? reader.readRaw() else { return false }
    return ItemKey(name) != .unknown
  }
}

private struct ReviewedFields {
  var hasPath = false
  var hasMtime = false
  var hasHealthyList = false
  var size: Int64?
  var chunksOffset: Int?
  var invalidKeys: [String] = []

  /// A bug of attic 0.13 put this key without meaning into every item.
  private static let atticKey = Array("acl".utf8)

  mutating func read(
    _ reader: inout MessagePackReader, _ furtherKeys: Set<[UInt8]>
  ) throws(MessagePackReader.Failure) {
    let name = try reader.readRaw()
    switch ItemKey(name) {
    case .path:
      _ = try reader.readRaw()
      hasPath = true
    case .mtime:
      try reader.skipValue()
      hasMtime = true
    case .chunks:
      guard try !reader.skipNil() else { return }
      let start = reader.offset
      try reader.readChunkList { _ in }
      chunksOffset = start
    case .chunksHealthy:
      if try !reader.skipNil() {
        try reader.readChunkList { _ in }
        hasHealthyList = true
      }
    case .size: size = try reader.skipNil() ? nil : try reader.readSize()
    case .unknown:
      note([UInt8](name), furtherKeys)
      try reader.skipValue()
    default: try reader.skipValue()
    }
  }

  private mutating func note(_ key: [UInt8], _ furtherKeys: Set<[UInt8]>) {
    guard key != ReviewedFields.atticKey, !furtherKeys.contains(key), invalidKeys.count < 16 else { return }
    invalidKeys.append(String(decoding: key.prefix(64), as: UTF8.self))
  }

  var problem: String? {
    var missing: [String] = []
    if !hasPath { missing.append("path") }
    if !hasMtime { missing.append("mtime") }
    if !missing.isEmpty { return "missing required keys: " + missing.joined(separator: ", ") }
    return invalidKeys.isEmpty ? nil : "invalid keys: " + invalidKeys.joined(separator: ", ")
  }
}
