/// What the fields of an item may be (archives.md section 5): the rules that `ItemCodec`'s readers share.
extension MessagePackReader {
  @inline(__always)
  mutating func readItemKey() throws(Failure) -> ItemKey {
    ItemKey(try readRaw())
  }

  /// Nanoseconds since 1970. Old archives hold numbers of 64 bits and more as little-endian two's complement bytes;
  /// what does not fit becomes the nearest number that does.
  mutating func readTimestamp() throws(Failure) -> Int64 {
    if try isRaw() { return Self.saturated(littleEndian: try readRaw()) }
    switch try readNumber() {
    case .signed(let value): return value
    case .aboveSigned: return Int64.max
    }
  }

  /// A path, a link's target or a name of something: bytes that a C string can hold.
  mutating func readPathBytes() throws(Failure) -> UnsafeRawBufferPointer {
    let raw = try readRaw()
    guard !raw.containsZero else { throw .malformed("a zero byte in a name") }
    return raw
  }

  /// Nil stays nil.
  mutating func readOptionalName() throws(Failure) -> [UInt8]? {
    try skipNil() ? nil : [UInt8](try readPathBytes())
  }

  mutating func readMode() throws(Failure) -> UInt32 {
    guard let mode = UInt32(exactly: try readUInt()) else { throw .malformed("mode out of range") }
    return mode
  }

  mutating func readSize() throws(Failure) -> Int64 {
    let size = try readInt()
    guard size >= 0 else { throw .malformed("negative size") }
    return size
  }

  /// Some platforms number devices with negative numbers; their bits are kept.
  mutating func readDevice() throws(Failure) -> UInt64 {
    switch try readNumber() {
    case .signed(let value): UInt64(bitPattern: value)
    case .aboveSigned(let value): value
    }
  }

  /// Hands over one entry after the other.
  @inline(__always)
  mutating func readChunkList(_ body: (ChunkListEntry) -> Void) throws(Failure) {
    for _ in 0..<(try readArrayHeader()) {
      guard try readArrayHeader() == 3 else { throw .malformed("a chunk list entry has not three elements") }
      let id = try readID()
      let size = try readUInt()
      let storedSize = try readUInt()
      guard size <= UInt64(UInt32.max), storedSize <= UInt64(UInt32.max) else {
        throw .malformed("chunk size out of range")
      }
      body(ChunkListEntry(id: id, size: UInt32(size), storedSize: UInt32(storedSize)))
    }
  }

  mutating func readChunkList() throws(Failure) -> [ChunkListEntry]? {
    if try skipNil() { return nil }
    var chunks: [ChunkListEntry] = []
    try readChunkList { chunks.append($0) }
    return chunks
  }

  mutating func readExtendedAttributes() throws(Failure) -> [ExtendedAttribute] {
    var attributes: [ExtendedAttribute] = []
    for _ in 0..<(try readMapHeader()) {
      let name = [UInt8](try readPathBytes())
      let value = try skipNil() ? [] : try readBytes()
      attributes.append(ExtendedAttribute(name: name, value: value))
    }
    return attributes
  }

  private static func saturated(littleEndian raw: UnsafeRawBufferPointer) -> Int64 {
    let isNegative = (raw.last ?? 0) >= 0x80
    let sign: UInt8 = isNegative ? 0xff : 0
    var value: UInt64 = isNegative ? .max : 0
    for index in (0..<min(8, raw.count)).reversed() { value = value << 8 | UInt64(raw[index]) }
    let fits = raw.dropFirst(8).allSatisfy { $0 == sign } && (value >> 63 == 1) == isNegative
    guard fits else { return isNegative ? .min : .max }
    return Int64(bitPattern: value)
  }
}

extension Item {
  /// Reads one pair of an item's map.
  @inline(__always)
  mutating func readField(_ reader: inout MessagePackReader) throws(MessagePackReader.Failure) {
    switch try reader.readItemKey() {
    case .path: path = [UInt8](try reader.readPathBytes())
    case .mode: mode = try reader.readMode()
    case .mtime: mtime = try reader.readTimestamp()
    case .uid: uid = try reader.readInt()
    case .gid: gid = try reader.readInt()
    case .user: user = try reader.readOptionalName()
    case .group: group = try reader.readOptionalName()
    case .ctime: ctime = try reader.readTimestamp()
    case .chunks: chunks = try reader.readChunkList()
    case .size: size = try reader.readSize()
    case .hardlinkMaster: hardlinkMaster = try reader.readBool()
    case .source: source = try reader.readOptionalName()
    case .atime: atime = try reader.readTimestamp()
    case .xattrs: xattrs = try reader.readExtendedAttributes()
    case .bsdflags: bsdflags = try reader.readUInt()
    case .rdev: rdev = try reader.readDevice()
    case .birthtime: birthtime = try reader.readTimestamp()
    case .aclAccess: aclAccess = try reader.readBytes()
    case .aclDefault: aclDefault = try reader.readBytes()
    case .aclExtended: aclExtended = try reader.readBytes()
    case .aclNFS4: aclNFS4 = try reader.readBytes()
    case .chunksHealthy: chunksHealthy = try reader.readChunkList()
    case .part: part = try reader.readInt()
    case .unknown: try reader.skipValue()
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether any byte is zero, eight at a time.
  fileprivate var containsZero: Bool {
    var offset = 0
    while offset + 8 <= count {
      let word = loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      if (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0 { return true }
      offset += 8
    }
    while offset < count {
      if self[offset] == 0 { return true }
      offset += 1
    }
    return false
  }
}
