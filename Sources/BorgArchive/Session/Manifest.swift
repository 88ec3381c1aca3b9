import BorgFormat

/// The list of archives as a command sees and changes it.
///
/// Lookup by name takes one step. A removal moves the entries behind it; their remembered places are then too large by
/// as many removals as came since the places were last noted, so the search looks back that far and no farther.
public struct Manifest: Sendable {
  public typealias Entry = ManifestData.ArchiveEntry

  public var data: ManifestData {
    get { contents }
    set {
      contents = newValue
      notePlaces()
    }
  }

  private var contents: ManifestData
  private var places: [[UInt8]: Int] = [:]
  private var removals = 0
  private static let maximumRemovals = 64

  /// Of a name that is there twice the last entry counts, in the first one's place.
  public init(data: ManifestData) {
    contents = data
    notePlaces()
    guard places.count < contents.archives.count else { return }
    var unique: [Entry] = []
    places.removeAll(keepingCapacity: true)
    for entry in contents.archives {
      if let place = places[entry.name] {
        unique[place] = entry
      } else {
        places[entry.name] = unique.count
        unique.append(entry)
      }
    }
    contents.archives = unique
  }

  public var archives: [Entry] { contents.archives }

  /// When it was written; nil: it does not say.
  public var timestamp: [UInt8]? { contents.timestamp }

  public func entry(named name: [UInt8]) -> Entry? {
    place(of: name).map { contents.archives[$0] }
  }

  /// Replaces the entry of this name, or appends it.
  public mutating func set(_ entry: Entry) {
    if let place = place(of: entry.name) {
      contents.archives[place] = entry
    } else {
      places[entry.name] = contents.archives.count + removals
      contents.archives.append(entry)
    }
  }

  public mutating func remove(named name: [UInt8]) {
    guard let place = place(of: name) else { return }
    contents.archives.remove(at: place)
    places[name] = nil
    removals += 1
    if removals > Manifest.maximumRemovals { notePlaces() }
  }

  private func place(of name: [UInt8]) -> Int? {
    guard let noted = places[name] else { return nil }
    let candidates = max(0, noted - removals)...max(0, min(noted, contents.archives.count - 1))
    return candidates.last { contents.archives[$0].name == name }
  }

  private mutating func notePlaces() {
    removals = 0
    places.removeAll(keepingCapacity: true)
    places.reserveCapacity(contents.archives.count)
    for (place, entry) in contents.archives.enumerated() { places[entry.name] = place }
  }
}
