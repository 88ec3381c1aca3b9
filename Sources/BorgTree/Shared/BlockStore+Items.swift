import BorgFormat

/// An archive's items one after the other, out of blocks: for trees that are not put together from them.
extension BlockStore {
  /// Calls `body` with each item of the archive that can be shown, in archive order. What blocks do not tell is read from
  /// the source: archives with odd items, and parts of files.
  func forEachItem(
    in archive: TreeArchive, _ body: (borrowing ItemSummary) throws(TreeError) -> Void
  ) throws(TreeError) {
    guard !options.showsPartFiles, let parts = try parts(of: archive) else {
      try source.forEachItem(in: archive, body)
      return
    }
    for part in parts { try forEachItem(of: part, body) }
  }

  /// Calls `body` with the blocks of a stream's chunks in order, until it returns false. Those that are not known are
  /// fetched ahead and in parallel.
  func forEachBlock(
    of ids: [ChunkID], _ body: (LoadedBlock, UInt32) throws(TreeError) -> Bool
  ) throws(TreeError) {
    var wanted: [ChunkID] = []
    var unique: Set<ChunkID> = []
    for id in ids where !isKnown(id) && unique.insert(id).inserted { wanted.append(id) }
    var (next, arrived, goesOn) = (0, 0, true)
    func handOver() throws(TreeError) {
      while goesOn, next < ids.count {
        var known = number(of: ids[next])
        if known == nil, !unique.contains(ids[next]) {
          // What the index has of it is of no use.
          let chunk = try source.streamChunk(ids[next])
          known = add(chunk.withUnsafeBytes { build($0) }, of: ids[next])
        }
        guard let number = known else { return }
        goesOn = try body(try block(number, passing: true), number)
        next += 1
      }
    }
    try handOver()
    try source.forEachStreamChunk(wanted) { chunk in
      self.build(chunk)
    } _: { (block) throws(TreeError) in
      _ = add(block, of: wanted[arrived])
      arrived += 1
      try handOver()
    }
  }

  /// What the archive's stream is made of; nil: only the source can tell its items.
  private func parts(of archive: TreeArchive) throws(TreeError) -> [ArchiveAssembly.Part]? {
    if let kept = ArchiveAssembly.keptParts(archive.id, self) { return kept.parts }
    guard let ids = try source.streamChunks(of: archive) else { return nil }
    var chain = BlockChain(self)
    var parts: [ArchiveAssembly.Part] = []
    try forEachBlock(of: ids) { (block, number) throws(TreeError) in
      parts += chain.add(BlockEnds(block.block), number)
      return chain.isRegular
    }
    parts += chain.finish()
    guard chain.isRegular else { return nil }
    ArchiveAssembly.keep(parts, chain.itemCount, of: archive.id, self)
    return parts
  }

  private func forEachItem(
    of part: ArchiveAssembly.Part, _ body: (borrowing ItemSummary) throws(TreeError) -> Void
  ) throws(TreeError) {
    let block =
      switch part.content {
      case .block(let number): try self.block(number).block
      case .seam(let seam): seam.block
      }
    // Summaries point into it.
    try withExtendedLifetime(block) { () throws(TreeError) in
      var path: [UInt8] = []
      for number in 0..<block.itemCount {
        let item = block.item(number)
        block.getPath(of: item, into: &path)
        try path.span.withPointer { (path) throws(TreeError) in
          try body(block.summary(of: item, number, called: path, at: part.location(of: item)))
        }
      }
    }
  }
}

extension MetadataBlock {
  /// The path that an item is stored under; the root's is a dot.
  fileprivate func getPath(of item: BlockItem, into path: inout [UInt8]) {
    path.removeAll(keepingCapacity: true)
    guard item.directory != BlockItem.none else { return path.append(0x2E) }
    let directory = directory(Int(item.directory))
    path.append(contentsOf: bytes(directory.pathStart, directory.pathLength))
    if !path.isEmpty { path.append(TreePath.separator) }
    path.append(contentsOf: name(item))
  }

  /// What was known of the item when the block was made; of a symbolic link's target only the length still is.
  fileprivate func summary(
    of item: BlockItem, _ number: Int, called path: UnsafeRawBufferPointer, at location: ItemLocation
  ) -> ItemSummary {
    var summary = ItemSummary(path: path, location: location)
    let owner = owner(Int(item.owner))
    summary.mode = UInt32(item.mode)
    summary.uid = owner.uid
    summary.gid = owner.gid
    if owner.userLength != BlockOwner.none { summary.user = bytes(owner.userStart, owner.userLength) }
    if owner.groupLength != BlockOwner.none { summary.group = bytes(owner.groupStart, owner.groupLength) }
    summary.mtime = item.mtime
    summary.ctime = item.ctime
    summary.atime = atime(item)
    summary.size = item.size
    summary.rdev = UInt64(bitPattern: item.size)
    summary.holeBytes = holeBytes(item)
    // Which kinds are its own is not kept.
    if item.flags.contains(.hasXattrs) { summary.attributeKinds = header.attributeKinds }
    summary.hasHealthyChunks = item.flags.contains(.isDamaged)
    summary.hasChunks = item.flags.contains(.hasChunks)
    summary.hardlinkMaster = !item.flags.contains(.isNoMaster)
    if summary.hasChunks { summary.contentHash = item.identity }
    if item.flags.contains(.isLink), let source = source(ofLink: number) { summary.source = source }
    return summary
  }
}
