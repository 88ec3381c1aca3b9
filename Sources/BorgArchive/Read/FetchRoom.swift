/// Keeps what is being fetched and decoded at the same time below a bound of bytes. Readers are served in the order in
/// which they came; what is fetched ahead begins only while no reader waits. One fetch may always go on, however large it
/// is. Not thread-safe; `ChunkReader` guards it.
struct FetchRoom {
  let maximumBytes: Int
  private(set) var byteCount = 0
  /// The most there ever was.
  private(set) var peakByteCount = 0
  private var line: [Int] = []
  private var comers = 0

  init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

  /// Whether a fetch may begin. `place`: the reader's in the line, when it waits there.
  func admits(_ bytes: Int, at place: Int?) -> Bool {
    line.first == place && (byteCount == 0 || bytes <= maximumBytes - byteCount)
  }

  /// A place at the end of the line.
  mutating func queue() -> Int {
    comers += 1
    line.append(comers)
    return comers
  }

  mutating func leaveLine(_ place: Int) { line.removeAll { $0 == place } }

  mutating func begin(_ bytes: Int) {
    byteCount += bytes
    peakByteCount = max(peakByteCount, byteCount)
  }

  mutating func end(_ bytes: Int) { byteCount -= bytes }
}
