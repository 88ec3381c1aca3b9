import BorgFormat
import BorgSystem
import Synchronization

/// Loads a files cache in a thread of its own, beside whatever else a command has to open.
final class FilesCacheLoader: Sendable {
  private struct Loaded: ~Copyable {
    var table: FilesCacheTable
    /// Borg's warning about a file that cannot be used.
    var warning: String?
  }

  private let loaded = Mutex(Loaded(table: FilesCacheTable()))
  private let worker = Mutex<Worker?>(nil)
  private let monitor: any Monitor

  /// `integrity` is the JSON from the cache's config, nil: unchecked.
  init(path: [UInt8], name: String, integrity: String?, monitor: any Monitor) {
    self.monitor = monitor
    let work: @Sendable () -> Void = { [self] in load(path: path, name: name, integrity: integrity) }
    do {
      let started = try Worker(work)
      worker.withLock { $0 = started }
    } catch {
      work()
    }
  }

  /// Waits for the end; an unusable file is an empty cache and two warnings.
  func finish() -> FilesCacheTable {
    worker.withLock { worker in
      worker?.join()
      worker = nil
    }
    var result = FilesCacheTable()
    let warning = loaded.withLock { loaded in
      swap(&loaded.table, &result)
      return loaded.warning
    }
    if let warning {
      monitor.note(warning, logger: "borg.cache")
      monitor.note("Continuing without files cache - expect lower performance.", logger: "borg.cache")
    }
    return result
  }

  private func load(path: [UInt8], name: String, integrity: String?) {
    do {
      let file = try Files.read(path)
      let isIntact = file.withUnsafeBytes {
        VerifiedFile.isIntact($0, name: name, integrity: integrity, headerLength: nil, monitor: monitor)
      }
      guard isIntact else {
        return fail("The files cache is corrupted. [File failed integrity check: \(displayText(path))]")
      }
      var table = try FilesCacheTable(loading: file)
      loaded.withLock { loaded in swap(&loaded.table, &table) }
    } catch let error as SystemError {
      fail("The files cache can't be read. [\(error)]")
    } catch MessagePackReader.Failure.malformed(let detail) {
      fail("The files cache seems invalid. [\(detail)]")
    } catch {
      fail("The files cache seems invalid. [\(error)]")
    }
  }

  private func fail(_ warning: String) {
    loaded.withLock { $0.warning = warning }
  }
}
