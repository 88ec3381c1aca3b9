/// Sizes in bytes and a file count, as --stats sums them.
public struct Statistics: Sendable, Equatable {
  public var originalSize: Int64 = 0
  public var compressedSize: Int64 = 0
  public var deduplicatedSize: Int64 = 0
  public var fileCount: Int64 = 0
  public var originalSizeParts: Int64 = 0
  public var compressedSizeParts: Int64 = 0
  public var deduplicatedSizeParts: Int64 = 0
  public var fileCountParts: Int64 = 0

  public init() {}

  /// Adds one chunk reference; `unique`: this run stored (or, negative, deleted) it.
  public mutating func add(size: Int64, storedSize: Int64, unique: Bool, part: Bool = false) {
    if part {
      originalSizeParts &+= size
      compressedSizeParts &+= storedSize
      if unique { deduplicatedSizeParts &+= storedSize }
    } else {
      originalSize &+= size
      compressedSize &+= storedSize
      if unique { deduplicatedSize &+= storedSize }
    }
  }
}
