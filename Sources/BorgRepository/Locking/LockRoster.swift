import BorgFormat
import BorgSystem
import Glibc

/// `lock.roster`: who uses the directory, by kind (repository.md 17.2). Only touched under the exclusive lock.
/// A missing or unreadable roster is an empty one.
struct LockRoster {
  enum Kind: String, CaseIterable { case shared, exclusive }

  let path: [UInt8]
  let host: String
  let monitor: any Monitor
  /// Off while a lock moves from a process to its child.
  var dropsStaleHolders = true

  /// Entries that are no holders as we know them stay and count as alive.
  private struct Content {
    var kinds: [(kind: Kind, entries: [JSONValue])] = []

    subscript(kind: Kind) -> [JSONValue] {
      get { kinds.first { $0.kind == kind }?.entries ?? [] }
      set {
        if let index = kinds.firstIndex(where: { $0.kind == kind }) {
          kinds[index].entries = newValue
        } else {
          kinds.append((kind, newValue))
        }
      }
    }
  }

  func isEmpty(_ kinds: Kind...) throws -> Bool {
    let content = try load()
    return kinds.allSatisfy { content[$0].isEmpty }
  }

  func add(_ holder: LockHolder, to kind: Kind) throws {
    var content = try load()
    if !content[kind].contains(holder.json) { content[kind].append(holder.json) }
    try save(content)
  }

  /// False when the holder was not in the roster, which is no error.
  @discardableResult
  func remove(_ holder: LockHolder, from kind: Kind) throws -> Bool {
    var content = try load()
    let wasThere = content[kind].contains(holder.json)
    content[kind].removeAll { $0 == holder.json }
    try save(content)
    return wasThere
  }

  static func delete(path: [UInt8]) throws {
    do {
      try Files.unlink(path)
    } catch let error as SystemError where error.code == ENOENT {}
  }

  private func load() throws -> Content {
    let bytes: [UInt8]
    do {
      bytes = try Files.read(path, limit: LockRoster.maximumSize)
    } catch let error as SystemError where error.code == ENOENT || error.code == EFBIG {
      return Content()
    }
    guard case .object(let members)? = try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self)) else {
      return Content()
    }
    var content = Content()
    for (key, value) in members {
      guard let kind = Kind(rawValue: key), case .array(let entries) = value else { continue }
      content[kind] = entries.filter { mayBeAlive($0, kind) }
    }
    return content
  }

  private func mayBeAlive(_ entry: JSONValue, _ kind: Kind) -> Bool {
    guard dropsStaleHolders, let holder = LockHolder(json: entry), !holder.mayBeAlive(seenFrom: host) else {
      return true
    }
    monitor.note(
      "Removed stale \(kind.rawValue) roster lock for host \(holder.host) pid \(holder.pid) thread \(holder.thread).",
      logger: lockLogger)
    return false
  }

  /// Owner and mode stay, so that others can go on. Where they can, the new roster is written whole before it takes the
  /// old one's place: a full disk must not cost the other holders their entries. A shorter one has room in the old one's
  /// place: a full disk must not keep a holder in it either. Under the exclusive lock.
  private func save(_ content: Content) throws {
    let members = content.kinds.map { (key: $0.kind.rawValue, value: JSONValue.array($0.entries)) }
    let text = Array(JSONValue.object(members).text().utf8)
    let present = (try? Files.status(path, followLinks: false)).flatMap { $0.st_mode & S_IFMT == S_IFREG ? $0 : nil }
    if let present, present.st_uid != geteuid(), geteuid() != 0, try overwrite(text) { return }
    do {
      try replace(present, with: text)
    } catch let error as SystemError where error.code == ENOSPC || error.code == EDQUOT {
      guard let present, text.count <= present.st_size, try overwrite(text) else { throw error }
    }
  }

  /// False when the roster cannot be opened.
  private func overwrite(_ text: [UInt8]) throws -> Bool {
    guard let file = try? File.open(path, O_WRONLY | O_NOFOLLOW) else { return false }
    try file.write(text)
    guard ftruncate(file.descriptor, off_t(text.count)) == 0 else { throw SystemError.last(path) }
    try file.close()
    return true
  }

  private func replace(_ present: stat?, with text: [UInt8]) throws {
    let draftPath = path + Array(".tmp".utf8)
    // Somebody was killed who had begun one.
    try? Files.unlink(draftPath)
    let file = try File.open(draftPath, O_WRONLY | O_CREAT | O_EXCL)
    do {
      if let present {
        _ = fchown(file.descriptor, present.st_uid, present.st_gid)
        _ = fchmod(file.descriptor, present.st_mode & 0o777)
      }
      try file.write(text)
      try file.close()
      try Files.rename(draftPath, path)
    } catch {
      try? Files.unlink(draftPath)
      throw error
    }
  }

  private static let maximumSize = 16 << 20
}
