import BorgFormat

/// Plain chunks by id, bounded by bytes: the least recently used go first. Not thread-safe; `ChunkReader` guards it.
struct ChunkCache {
  private struct Node {
    var id: ChunkID
    var bytes: [UInt8]
    var newer: Int
    var older: Int
  }

  let maximumBytes: Int
  private(set) var byteCount = 0
  private var places: [ChunkID: Int] = [:]
  private var nodes: [Node] = []
  private var free: [Int] = []
  private var newest = -1
  private var oldest = -1

  init(maximumBytes: Int) {
    self.maximumBytes = maximumBytes
  }

  /// The chunk, which becomes the most recently used.
  mutating func chunk(_ id: ChunkID) -> [UInt8]? {
    guard let place = places[id] else { return nil }
    if place != newest {
      unlink(place)
      linkNewest(place)
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
    linkNewest(place)
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
  }

  private mutating func linkNewest(_ place: Int) {
    nodes[place].newer = -1
    nodes[place].older = newest
    if newest >= 0 { nodes[newest].newer = place } else { oldest = place }
    newest = place
  }
}
