import BorgFormat

/// Plain chunks by id, bounded by bytes: the least recently used go first. What a reader in order has left behind is
/// retired: it goes before all others, and only a little of it is kept. Not thread-safe; `ChunkReader` guards it.
struct ChunkCache {
  private struct Node {
    var id: ChunkID
    var bytes: [UInt8]
    var newer: Int
    var older: Int
    var isRetired = false
  }

  let maximumBytes: Int
  let maximumRetiredBytes: Int
  private(set) var byteCount = 0
  private(set) var retiredBytes = 0
  private(set) var places: [ChunkID: Int] = [:]
  private var nodes: [Node] = []
  private var free: [Int] = []
  private var newest = -1
  private var oldest = -1
  /// The retired nodes are the oldest ones, up to this.
  private var newestRetired = -1

  init(maximumBytes: Int, maximumRetiredBytes: Int = 32 << 20) {
    self.maximumBytes = maximumBytes
    self.maximumRetiredBytes = min(maximumBytes, maximumRetiredBytes)
  }

  var count: Int { places.count }

  /// The chunk, which becomes the most recently used.
  mutating func chunk(_ id: ChunkID) -> [UInt8]? {
    guard let place = places[id] else { return nil }
    if place != newest {
      unlink(place)
      link(place, after: newest)
      newest = place
    }
    return nodes[place].bytes
  }

  /// Keeps a chunk unless it alone is above the bound.
  mutating func insert(_ id: ChunkID, _ bytes: [UInt8]) {
    guard bytes.count <= maximumBytes, places[id] == nil else { return }
    while byteCount + bytes.count > maximumBytes, oldest >= 0 { remove(oldest) }
    let node = Node(id: id, bytes: bytes, newer: -1, older: -1)
    let place: Int
    if let reused = free.popLast() {
      place = reused
      nodes[place] = node
    } else {
      place = nodes.count
      nodes.append(node)
    }
    places[id] = place
    byteCount += bytes.count
    link(place, after: newest)
    newest = place
  }

  /// The chunk will hardly be asked for again.
  mutating func retire(_ id: ChunkID) {
    guard let place = places[id], !nodes[place].isRetired else { return }
    unlink(place)
    link(place, after: newestRetired)
    if newest < 0 || nodes[place].newer < 0 { newest = place }
    newestRetired = place
    nodes[place].isRetired = true
    retiredBytes += nodes[place].bytes.count
    while retiredBytes > maximumRetiredBytes, oldest >= 0 { remove(oldest) }
  }

  private mutating func remove(_ place: Int) {
    unlink(place)
    places[nodes[place].id] = nil
    byteCount -= nodes[place].bytes.count
    nodes[place].bytes = []
    free.append(place)
  }

  private mutating func unlink(_ place: Int) {
    let node = nodes[place]
    if node.newer >= 0 { nodes[node.newer].older = node.older } else { newest = node.older }
    if node.older >= 0 { nodes[node.older].newer = node.newer } else { oldest = node.newer }
    if place == newestRetired { newestRetired = node.older }
    if node.isRetired {
      retiredBytes -= node.bytes.count
      nodes[place].isRetired = false
    }
  }

  /// Links a node in after another one, which -1 says is none: then it becomes the oldest.
  private mutating func link(_ place: Int, after older: Int) {
    let newer = older >= 0 ? nodes[older].newer : oldest
    nodes[place].older = older
    nodes[place].newer = newer
    if older >= 0 { nodes[older].newer = place } else { oldest = place }
    if newer >= 0 { nodes[newer].older = place }
  }
}
