import BorgFormat
import BorgObjects

/// Builds one new archive: packs items into the item stream, stores its chunks, and saves the metadata with its TAM.
/// Used by one thread (the collector of a pipeline).
public final class ArchiveWriter {
  public struct Options: Sendable {
    public var compressor = Compressor.lz4
    public var chunkerParameters = ChunkerParameters.fileDefault
    public var comment: [UInt8] = []
    /// --timestamp, nanoseconds since 1970.
    public var timestamp: Int64?
    public var commandLine: [[UInt8]] = []
    public var cwd: [UInt8] = []
    /// When the command started: wall and monotonic, nanoseconds.
    public var start: Int64 = 0
    public var startMonotonic: Int64 = 0
    public init() {}
  }

  public private(set) var statistics = Statistics()

  /// Throws `ArchiveError.alreadyExists`; fixes the checkpoint's name.
  public init(named name: [UInt8], session: RepositorySession, cache: Cache, _ options: Options) throws {
    fatalError("contract: BorgArchive write")
  }
  public var checkpointName: [UInt8] { fatalError("contract: BorgArchive write") }
  /// Packs one item; its chunks were stored and counted before.
  public func add(_ item: Item) throws { fatalError("contract: BorgArchive write") }
  /// Flushes the stream and commits a complete archive under the checkpoint's name.
  public func writeCheckpoint() throws { fatalError("contract: BorgArchive write") }
  /// Saves the archive, writes the manifest, commits repository and cache.
  public func save() throws -> Archive { fatalError("contract: BorgArchive write") }
}
