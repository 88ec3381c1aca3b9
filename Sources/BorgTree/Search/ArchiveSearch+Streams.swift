import BorgFormat

/// How a search follows the archives' item streams.
extension ArchiveSearch {
  /// Streams on their way, followed as far as their blocks are there.
  private struct Streams {
    var ordinals: [Int] = []
    var ids: [[ChunkID]] = []
    /// The stream that is followed, and how far.
    var current = 0
    var position = 0
    var chain: BlockChain
    var parts: [ArchiveAssembly.Part] = []
    var runs: [Range<UInt32>] = []
    var irregular: [Int] = []
    var errors: [Int: TreeError] = [:]
  }

  /// Searches some of the archives; returns what went wrong in which.
  func search(_ archives: [TreeArchive], _ some: ArraySlice<Int>) -> [Int: TreeError] {
    var streams = Streams(chain: BlockChain(store))
    for ordinal in some {
      do throws(TreeError) {
        // Where a block is lost the stream has what comes before it.
        if let kept = ArchiveAssembly.keptParts(archives[ordinal].id, store), let runs = try? runs(of: kept.parts) {
          parts.set(runs, of: ordinal)
        } else if let ids = try answer({ () throws(TreeError) in
          try store.source.streamChunks(of: archives[ordinal])
        }) {
          streams.ordinals.append(ordinal)
          streams.ids.append(ids)
        } else {
          streams.irregular.append(ordinal)
        }
      } catch {
        streams.errors[ordinal] = error
      }
    }
    follow(&streams, of: archives)
    fetch(missing(streams.ids)) { follow(&streams, of: archives) }
    for ordinal in streams.irregular {
      do throws(TreeError) { try readWhole(archives[ordinal], ordinal) } catch { streams.errors[ordinal] = error }
    }
    return streams.errors
  }

  private static let secondsOfSilence = 20

  /// What is lost is told at once; what takes long is no answer.
  private func note(_ error: TreeError, after start: Int) {
    if secondsSinceBoot() - start >= ArchiveSearch.secondsOfSilence { silence = error }
  }

  private func answer<R>(_ body: () throws(TreeError) -> R) throws(TreeError) -> R {
    if let silence { throw silence }
    let start = secondsSinceBoot()
    do throws(TreeError) { return try body() } catch {
      note(error, after: start)
      throw error
    }
  }

  /// `passing`: it is looked through once.
  func block(_ number: UInt32, passing: Bool = false) throws(TreeError) -> MetadataBlock {
    try answer { () throws(TreeError) in try store.block(number, passing: passing).block }
  }

  private func missing(_ streams: [[ChunkID]]) -> [ChunkID] {
    var (missing, unique): ([ChunkID], Set<ChunkID>) = ([], [])
    for ids in streams {
      for id in ids where lost[id] == nil && store.number(of: id) == nil && unique.insert(id).inserted {
        missing.append(id)
      }
    }
    return missing
  }

  /// Makes blocks of chunks; `goOn` is called whenever there is one more, or one is known to be lost.
  private func fetch(_ ids: [ChunkID], _ goOn: () -> Void) {
    let store = store
    var (arrived, lastArrival) = (0, secondsSinceBoot())
    while arrived < ids.count {
      do throws(TreeError) {
        if let silence { throw silence }
        try store.source.forEachStreamChunk(Array(ids[arrived...])) { chunk in
          store.build(chunk)
        } _: { block in
          _ = store.add(block, of: ids[arrived])
          arrived += 1
          lastArrival = secondsSinceBoot()
          goOn()
        }
      } catch {
        guard arrived < ids.count else { return }
        note(error, after: lastArrival)
        lost[ids[arrived]] = error
        lastArrival = secondsSinceBoot()
        arrived += 1
        goOn()
      }
    }
  }

  private func follow(_ streams: inout Streams, of archives: [TreeArchive]) {
    while streams.current < streams.ids.count {
      let ids = streams.ids[streams.current]
      do throws(TreeError) {
        while streams.position < ids.count, streams.chain.isRegular {
          let id = ids[streams.position]
          if let error = lost[id] { throw error }
          guard let number = store.number(of: id) else { return }
          try add(streams.chain.add(try ends(number), number), &streams)
          streams.position += 1
        }
        try add(streams.chain.finish(), &streams)
      } catch {
        streams.errors[streams.ordinals[streams.current]] = error
        streams.parts = []
      }
      close(&streams, of: archives)
    }
  }

  private static let maximumEndsLength = 4096

  private func add(_ parts: [ArchiveAssembly.Part], _ streams: inout Streams) throws(TreeError) {
    for next in parts { streams.runs.append(number: try part(next.content)) }
    if store.source.index != nil { streams.parts += parts }
  }

  /// An archive's parts, each looked through when it is new.
  private func runs(of parts: [ArchiveAssembly.Part]) throws(TreeError) -> [Range<UInt32>] {
    var runs: [Range<UInt32>] = []
    for next in parts { runs.append(number: try part(next.content)) }
    return runs
  }

  private func ends(_ number: UInt32) throws(TreeError) -> BlockEnds {
    if Int(number) < ends.count, let known = ends[Int(number)] { return known }
    let made = BlockEnds(try block(number))
    while ends.count <= Int(number) { ends.append(nil) }
    if made.byteCount <= ArchiveSearch.maximumEndsLength { ends[Int(number)] = made }
    return made
  }

  /// Goes on with the next stream.
  private func close(_ streams: inout Streams, of archives: [TreeArchive]) {
    let ordinal = streams.ordinals[streams.current]
    if streams.chain.isRegular {
      if !streams.parts.isEmpty {
        ArchiveAssembly.keep(streams.parts, streams.chain.itemCount, of: archives[ordinal].id, store)
      }
      parts.set(streams.runs, of: ordinal)
    } else {
      streams.irregular.append(ordinal)
    }
    streams.current += 1
    streams.position = 0
    streams.chain = BlockChain(store)
    streams.parts = []
    streams.runs = []
  }
}
