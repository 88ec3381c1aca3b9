import BorgArchive
import BorgFormat

extension ArchiveWriter {
  /// Refers once more to all chunks of a file that was stored in `partCount` parts: the complete item has them, too
  /// (archives.md 5.2).
  func refer(to chunks: [ChunkListEntry], alsoInParts partCount: Int, _ index: ChunkIndex) throws {
    for chunk in chunks {
      guard let entry = index.addReference(chunk.id) else {
        throw ArchiveError.plain("chunk \(chunk.id.hex) vanished from the chunk index")
      }
      statistics.add(size: Int64(entry.size), storedSize: Int64(entry.storedSize), unique: false, part: true)
    }
    statistics.fileCountParts += Int64(partCount)
  }
}
