import BorgArchive
import BorgFormat

/// One selected item with what is to be done for it.
struct PlannedItem {
  /// Its path is the one to write to (--strip-components).
  var item: Item
  var originalPath: [UInt8]
  /// How many of the requested chunks are its content.
  var chunkCount = 0
  var hasContent = false
  /// It becomes another name of what was extracted there.
  var linkTarget: [UInt8]?
}

/// Chooses an archive's items and finds out where the content of each comes from: its own chunks, or, for a hard link
/// whose first name is not selected, that name's chunks.
struct ExtractionPlan {
  private let options: ExtractOptions
  private let isPartial: Bool
  /// Content of first names that are not selected, by path.
  private var unselected: [[UInt8]: [ChunkListEntry]?] = [:]
  /// Where the first selected name of such content was extracted, by the first name's path.
  private var extracted: [[UInt8]: [UInt8]] = [:]

  init(_ options: ExtractOptions) {
    self.options = options
    isPartial = !options.matcher.isEmpty || options.stripComponents > 0
  }

  /// Nil: not selected. Otherwise with the chunks to request.
  mutating func plan(_ item: Item) -> (PlannedItem, [ChunkListEntry])? {
    if item.part != nil, !options.considersPartFiles { return nil }
    guard let path = selectedPath(item.path) else {
      if isPartial, item.isHardlinkMaster { unselected[ArchivePath.linked(item.path)] = .some(item.chunks) }
      return nil
    }
    var planned = PlannedItem(item: item, originalPath: item.path)
    planned.item.path = path
    var chunks = item.chunks
    if item.isHardlinkReference, let source = item.source { chunks = link(&planned, to: source) }
    planned.hasContent = chunks != nil
    planned.chunkCount = chunks?.count ?? 0
    return (planned, chunks ?? [])
  }

  private func selectedPath(_ path: [UInt8]) -> [UInt8]? {
    guard !isPartial || options.matcher.isEmpty || options.matcher.decide(path).isIncluded else { return nil }
    return options.stripComponents > 0
      ? ArchivePath.strippingComponents(options.stripComponents, from: path) : path
  }

  /// The chunks for a later name that has to stand in for the first; nil when it is only linked.
  private mutating func link(_ planned: inout PlannedItem, to source: [UInt8]) -> [ChunkListEntry]? {
    let master = ArchivePath.linked(source)
    if let place = extracted[master] {
      planned.linkTarget = place
      return nil
    }
    if let chunks = unselected.removeValue(forKey: master) {
      extracted[master] = planned.item.path
      return chunks
    }
    planned.linkTarget =
      options.stripComponents > 0
      ? ArchivePath.strippingComponents(options.stripComponents, from: source) ?? source : source
    return nil
  }
}
