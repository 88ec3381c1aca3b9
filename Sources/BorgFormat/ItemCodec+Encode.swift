extension ItemCodec {
  /// Appends the packed item, keys sorted, old msgpack dialect.
  public static func encode(_ item: Item, into output: inout [UInt8]) {
    var writer = MessagePackWriter()
    swap(&writer.bytes, &output)
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
    swap(&writer.bytes, &output)
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

extension MessagePackWriter {
  @inline(__always)
  fileprivate mutating func write(_ key: StaticString, _ value: Int64?) {
    guard let value else { return }
    writeRaw(key)
    writeInt(value)
  }

  @inline(__always)
  fileprivate mutating func write(_ key: StaticString, _ value: UInt64?) {
    guard let value else { return }
    writeRaw(key)
    writeUInt(value)
  }

  @inline(__always)
  fileprivate mutating func write(_ key: StaticString, _ value: Bool?) {
    guard let value else { return }
    writeRaw(key)
    writeBool(value)
  }

  @inline(__always)
  fileprivate mutating func write(_ key: StaticString, _ value: [UInt8]?) {
    guard let value else { return }
    writeRaw(key)
    writeRaw(value)
  }

  /// Like `write`, but nil is written as such.
  @inline(__always)
  fileprivate mutating func writeName(_ key: StaticString, _ value: [UInt8]?) {
    writeRaw(key)
    guard let value else { return writeNil() }
    writeRaw(value)
  }

  fileprivate mutating func write(_ key: StaticString, _ chunks: [ChunkListEntry]?) {
    guard let chunks else { return }
    writeRaw(key)
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
    writeRaw(key)
    writeMapHeader(attributes.count)
    for attribute in attributes.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
      writeRaw(attribute.name)
      if attribute.value.isEmpty { writeNil() } else { writeRaw(attribute.value) }
    }
  }
}
