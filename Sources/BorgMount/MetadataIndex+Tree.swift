import BorgArchive
import BorgFormat
import BorgTree

extension MetadataIndex: TreeIndex {
  public func load(_ kind: IndexRecordKind, _ id: ChunkID) -> [UInt8]? { load(kind.rawValue, id) }
  public func keep(_ bytes: [UInt8], _ kind: IndexRecordKind, _ id: ChunkID) { keep(bytes, kind.rawValue, id) }
  public func contains(_ kind: IndexRecordKind, _ id: ChunkID) -> Bool { contains(kind.rawValue, id) }
  public func discard(_ kind: IndexRecordKind, _ id: ChunkID) { discard(kind.rawValue, id) }
}
