import BorgFormat
import BorgRepository
import BorgSystem

/// The chunk index of `create --no-cache-sync`: every chunk of the repository with the maximum (sticky) reference
/// count and unknown sizes, so that none of them is ever deleted.
enum AdHocIndex {
  private static let batch = 100_000

  static func build(_ session: RepositorySession) throws -> HashIndex {
    let monitor = session.context.monitor
    monitor.note("Note: --no-cache-sync is an experimental feature.", logger: "borg.cache")
    let total = try session.repository.objectCount()
    var index = HashIndex(valueWords: 3, capacity: HashIndex.plausibleCapacity(total))
    var progress = PercentProgress(
      messageID: "cache.download_chunks", total: total, stepInTenths: 50, monitor: monitor)
    try session.repository.forEachPage(of: batch) { ids in
      for id in ids { index.set(id, (HashIndex.maximumValue, 0, 0)) }
      progress.advance(by: ids.count) { "Downloading chunk list... \($0)%" }
    }
    progress.finish()
    index.remove(.manifest)
    return index
  }
}
