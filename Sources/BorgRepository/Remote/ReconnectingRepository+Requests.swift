import BorgFormat

/// What a repository is asked: reads go over whatever line there is, changes are refused.
extension ReconnectingRepository {
  public func get(_ id: ChunkID) throws -> [UInt8] { try reading { try $0.get(id) } }
  public func contains(_ id: ChunkID) throws -> Bool { try reading { try $0.contains(id) } }
  public func objectCount() throws -> Int { try reading { try $0.objectCount() } }
  public func loadKey() throws -> [UInt8] { try reading { try $0.loadKey() } }
  public func freeNonce() throws -> UInt64? { try reading { try $0.freeNonce() } }

  public func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try reading { try $0.list(after: marker, limit: limit) }
  }

  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try reading { try $0.scan(after: marker, limit: limit) }
  }

  // MARK: Nothing is changed

  public func put(_ id: ChunkID, _ object: [UInt8]) throws { throw readOnly }
  public func delete(_ id: ChunkID) throws { throw readOnly }
  public func commit(_ options: CommitOptions) throws { throw readOnly }
  public func rollback() throws {}
  public func check(repair: Bool, maximumSeconds: Int) throws -> Bool { throw readOnly }
  public func commitNonceReservation(next: UInt64, start: UInt64?) throws { throw readOnly }
  public func saveKey(_ key: [UInt8]) throws { throw readOnly }
  public func destroy() throws { throw readOnly }

  private var readOnly: RepositoryError { .refused("This session only reads.") }
}
