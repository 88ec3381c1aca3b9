import BorgSystem

/// How many bytes of plain chunks a mount keeps, all its archives and files together.
enum DataCacheSize {
  private static let largestUsualChunk = 8 << 20
  private static let usualSizes = 24 << 20...512 << 20

  /// The mount option `cache_size`; else BORG_MOUNT_CACHE_SIZE, bytes like it; else BORG_MOUNT_DATA_CACHE_ENTRIES, which
  /// counts chunks of the largest usual size; else an eighth of the memory that may be used, within bounds.
  static func bytes(_ options: MountOptions, _ environment: Environment) -> Int {
    if let size = options.cacheSize { return size }
    if let size = environment.nonEmpty("BORG_MOUNT_CACHE_SIZE").flatMap({ ByteCount.parse($0) }) { return size }
    if let entries = environment.nonEmpty("BORG_MOUNT_DATA_CACHE_ENTRIES").flatMap({ Int($0) }) {
      return min(max(1, entries), 4096) * largestUsualChunk
    }
    return usual(memory: Memory.availableBytes())
  }

  static func usual(memory: Int) -> Int { min(max(memory / 8, usualSizes.lowerBound), usualSizes.upperBound) }

  /// The most stored and plain bytes that are fetched and decoded at the same time.
  static func inFlight(memory: Int) -> Int { min(max(memory / 4, 32 << 20), 256 << 20) }

  /// The most bytes of decoded metadata to keep, and of the stored metadata that items are decoded from.
  static func metadata(memory: Int) -> (decoded: Int, stored: Int) {
    (min(max(memory / 8, 16 << 20), 256 << 20), min(max(memory / 32, 4 << 20), 16 << 20))
  }
}
