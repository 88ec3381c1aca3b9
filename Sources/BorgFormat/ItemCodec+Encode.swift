extension ItemCodec {
  /// Appends the packed item, keys sorted, old msgpack dialect.
  public static func encode(_ item: Item, into output: inout [UInt8]) {
    withUnsafeTemporaryAllocation(byteCount: largestSize(item), alignment: 8) { memory in
      var writer = MessagePackCursor(memory)
      write(item, to: &writer)
      output.append(contentsOf: UnsafeRawBufferPointer(rebasing: memory[..<writer.count]))
    }
  }

  private static func write(_ item: Item, to writer: inout MessagePackCursor) {
    writer.writeMapHeader(fieldCount(item))
    writer.write("acl_access", item.aclAccess)
    writer.write("acl_default", item.aclDefault)
    writer.write("acl_extended", item.aclExtended)
    writer.write("acl_nfs4", item.aclNFS4)
    writer.write("atime", item.atime)
    writer.write("birthtime", item.birthtime)
    writer.write("bsdflags", item.bsdflags)
    writer.write("chunks", item.chunks)
    writer.write("chunks_healthy", item.chunksHealthy)
    writer.write("ctime", item.ctime)
    writer.write("gid", item.gid)
    writer.writeName("group", item.group)
    writer.write("hardlink_master", item.hardlinkMaster)
    writer.write("mode", Int64(item.mode))
    writer.write("mtime", item.mtime)
    writer.write("part", item.part)
    writer.writeName("path", item.path)
    writer.write("rdev", item.rdev)
    writer.write("size", item.size)
    writer.write("source", item.source)
    writer.write("uid", item.uid)
    writer.writeName("user", item.user)
    writer.write("xattrs", item.xattrs)
  }

  /// A bound on the packed size: the map's head with all keys and numbers, then what has no fixed length.
  private static func largestSize(_ item: Item) -> Int {
    let rawHead = 5
    let chunk = 1 + 3 + ChunkID.byteCount + 5 + 5
    var size = 3 + knownKeys.count * (16 + 9)
    size += item.path.count + (item.user?.count ?? 0) + (item.group?.count ?? 0) + (item.source?.count ?? 0)
    size += (item.aclAccess?.count ?? 0) + (item.aclDefault?.count ?? 0)
    size += (item.aclNFS4?.count ?? 0) + (item.aclExtended?.count ?? 0)
    size += ((item.chunks?.count ?? 0) + (item.chunksHealthy?.count ?? 0)) * chunk
    for attribute in item.xattrs { size += 2 * rawHead + attribute.name.count + attribute.value.count }
    return size
  }

  private static func fieldCount(_ item: Item) -> Int {
    func one<Value>(_ value: Value?) -> Int { value == nil ? 0 : 1 }
    let always = 7
    let texts =
      one(item.aclAccess) + one(item.aclDefault) + one(item.aclExtended) + one(item.aclNFS4) + one(item.source)
    let times = one(item.atime) + one(item.birthtime) + one(item.ctime)
    let content = one(item.chunks) + one(item.chunksHealthy) + one(item.size) + one(item.part)
    let others = one(item.bsdflags) + one(item.hardlinkMaster) + one(item.rdev) + (item.xattrs.isEmpty ? 0 : 1)
    return always + texts + times + content + others
  }
}

extension MessagePackCursor {
  @inline(__always)
  fileprivate mutating func write(_ key: StaticString, _ value: Int64?) {
    guard let value else { return }
    writeKey(key)
    writeInt(value)
  }

  @inline(__always)
  fileprivate mutating func write(_ key: StaticString, _ value: UInt64?) {
    guard let value else { return }
    writeKey(key)
    writeUInt(value)
  }

  @inline(__always)
  fileprivate mutating func write(_ key: StaticString, _ value: Bool?) {
    guard let value else { return }
    writeKey(key)
    writeBool(value)
  }

  @inline(__always)
  fileprivate mutating func write(_ key: StaticString, _ value: [UInt8]?) {
    guard let value else { return }
    writeKey(key)
    writeRaw(value)
  }

  /// Like `write`, but nil is written as such.
  @inline(__always)
  fileprivate mutating func writeName(_ key: StaticString, _ value: [UInt8]?) {
    writeKey(key)
    guard let value else { return writeNil() }
    writeRaw(value)
  }

  fileprivate mutating func write(_ key: StaticString, _ chunks: [ChunkListEntry]?) {
    guard let chunks else { return }
    writeKey(key)
    writeArrayHeader(chunks.count)
    for chunk in chunks {
      writeArrayHeader(3)
      writeID(chunk.id)
      writeUInt(UInt64(chunk.size))
      writeUInt(UInt64(chunk.storedSize))
    }
  }

  fileprivate mutating func write(_ key: StaticString, _ attributes: [ExtendedAttribute]) {
    guard !attributes.isEmpty else { return }
    writeKey(key)
    writeMapHeader(attributes.count)
    for attribute in attributes.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
      writeRaw(attribute.name)
      if attribute.value.isEmpty { writeNil() } else { writeRaw(attribute.value) }
    }
  }
}
