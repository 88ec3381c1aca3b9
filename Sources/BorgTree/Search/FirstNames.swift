import BorgFormat

/// What hard links' first names hold, in whichever block they are: later names have no content of their own.
struct FirstNames {
  private struct Holder {
    var part: UInt32
    var content: SightedContent
  }

  /// By the first name's number.
  private var holders: [[Holder]]
  private var parts: Set<UInt32> = []

  /// Looks for the paths in all parts. `block` gives a block by its number; one that cannot be had again leaves later
  /// names without content.
  init(_ paths: ByteTable, in searched: SearchedParts, _ hash: NameHash, block: (UInt32) -> MetadataBlock?) {
    holders = Array(repeating: [], count: paths.count)
    guard paths.count > 0 else { return }
    let wanted = FirstNames.byDirectory(paths, hash)
    for (part, content) in searched.contents.enumerated() {
      switch content {
      case .block(let number):
        if let block = block(number) { look(in: block, UInt32(part), wanted) }
      case .seam(let seam): look(in: seam.block, UInt32(part), wanted)
      case .archive: continue
      }
    }
  }

  private struct Wanted {
    var name: [UInt8]
    var hash: UInt64
    var number: Int
  }

  /// The paths by the hash of the directory they are in.
  private static func byDirectory(_ paths: ByteTable, _ hash: NameHash) -> [UInt64: [Wanted]] {
    var wanted: [UInt64: [Wanted]] = [:]
    for number in 0..<paths.count {
      paths.withBytes(number) { path in
        let slash = path.lastIndex(of: TreePath.separator)
        let name = UnsafeRawBufferPointer(rebasing: path[(slash.map { $0 + 1 } ?? 0)...])
        let directory = hash.wide(UnsafeRawBufferPointer(rebasing: path[..<(slash ?? 0)]))
        wanted[directory, default: []].append(Wanted(name: Array(name), hash: hash.wide(name), number: number))
      }
    }
    return wanted
  }

  private mutating func look(in block: MetadataBlock, _ part: UInt32, _ wanted: [UInt64: [Wanted]]) {
    for number in 0..<Int(block.header.directoryCount) {
      for first in wanted[block.directory(number).pathHash] ?? [] {
        let found = first.name.withUnsafeBytes {
          block.find($0, hash: first.hash, in: UInt16(truncatingIfNeeded: number))
        }
        guard let item = found.map({ block.item($0) }), !item.isDirectory, !item.flags.contains(.isLink) else {
          continue
        }
        holders[first.number].append(Holder(part: part, content: SightedContent(item)))
        parts.insert(part)
      }
    }
  }

  /// Whether a part holds any of the first names.
  func areHeld(by part: UInt32) -> Bool { parts.contains(part) }

  /// What an archive holds of a sighting. `archives`: which hold each part.
  func content(
    of sighting: Sightings.Sighting, in archive: UInt32, _ archives: [UInt32: [UInt32]]
  ) -> SightedContent {
    var content = sighting.content
    guard sighting.source != Sightings.none else { return content }
    let holder = holders[Int(sighting.source)].last { FirstNames.contains(archives[$0.part] ?? [], archive) }
    if let holder { content.become(holder.content) }
    return content
  }

  /// The list is ascending.
  private static func contains(_ archives: [UInt32], _ archive: UInt32) -> Bool {
    firstPlace(of: archives.count) { archives[$0] < archive }.map { archives[$0] == archive } ?? false
  }
}
