import BorgFormat

/// What the files cache remembers of a file (caches.md section 6).
struct FileIdentity: Sendable {
  var pathHash: ChunkID
  var inode: UInt64
  var size: Int64
  var ctime: Int64
  var mtime: Int64

  init(_ pathHash: ChunkID, _ status: FileStatus) {
    self.pathHash = pathHash
    inode = status.inode
    size = status.size
    ctime = status.ctime
    mtime = status.mtime
  }
}

/// One chunk on its way from the walker to the collector.
struct PendingChunk: Sendable {
  enum Content: Sendable {
    /// Offset and length in the batch's arena.
    case slice(Int, Int)
    /// A hole: so many zeros that nobody has read.
    case zeros(Int)
    /// From the files cache: the walker saw it in the chunk index.
    case known
  }

  var content: Content
  /// Set by the worker, except for known ones.
  var id = ChunkID.manifest
  /// Set by the worker for a chunk that nobody before it has.
  var object: [UInt8]?

  var size: Int {
    switch content {
    case .slice(_, let length), .zeros(let length): length
    case .known: 0
    }
  }
}

/// What the walker tells the collector, in walk order. Numbers are places in the batch's arrays.
enum BatchRecord: Sendable {
  case status(UInt8, [UInt8])
  case warning(BackupProblem, [UInt8])
  case changed([UInt8])
  /// The content of a file begins; the item has what is known before reading.
  case begin(item: Int)
  case chunk(Int)
  /// An item is complete; it takes the chunks since `begin`, if there was one.
  case finish(item: Int)
  /// The file begun last could not be read to its end.
  case abandon
  /// The file that is about to finish was read whole and unchanged.
  case remember(FileIdentity)
}

/// Some records of a walk that go through the workers together, so that queues are seldom touched.
final class Batch: @unchecked Sendable {
  // Safe: one thread has it at a time — walker, then a worker, then the collector; queues order them.
  let sequence: Int
  var records: [BatchRecord] = []
  var items: [Item] = []
  var chunks: [PendingChunk] = []
  /// Where the slices lie; the worker lets go of it.
  var arena: Arena?
  var byteCount = 0
  /// Guarded by the street's lock.
  var isReady = false

  init(sequence: Int) {
    self.sequence = sequence
  }

  var needsWorker: Bool { byteCount > 0 }
}
