import Glibc

/// Calls on paths. Paths are bytes; a path with a NUL throws EINVAL. Every error is a `SystemError` with the path.
public enum Files {
  /// The whole file. Throws EFBIG when it is longer than `limit` bytes.
  public static func read(_ path: [UInt8], limit: Int = .max) throws -> [UInt8] {
    try File.open(path, O_RDONLY).readAll(limit: limit)
  }

  /// Borg's atomic write: `NAME-XXXXXXXX.tmp` in the same directory, fsync, rename, fsync the directory. Without
  /// `isDurable` nothing is synced: after a crash of the machine there may be anything.
  public static func replace(
    _ path: [UInt8], with bytes: [UInt8], mode: mode_t = 0o666, isDurable: Bool = true
  ) throws {
    let temporary = path + Array("-\(randomSuffix()).tmp".utf8)
    do {
      let file = try File.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
      try file.write(bytes)
      if isDurable { try file.sync() }
      try file.close()
      if isDurable { try syncDirectory(parent(of: path)) }
      try rename(temporary, path)
    } catch {
      try? unlink(temporary)
      throw error
    }
    if isDurable { try syncDirectory(parent(of: path)) }
  }

  /// Makes the directory's entries durable. EINVAL (some network file systems) is not an error.
  public static func syncDirectory(_ path: [UInt8]) throws {
    let directory = try File.open(path, O_RDONLY | O_DIRECTORY)
    do {
      try directory.sync()
    } catch let error as SystemError where error.code == EINVAL {}
  }

  public static func exists(_ path: [UInt8]) -> Bool {
    (try? status(path)) != nil
  }

  public static func status(_ path: [UInt8], followLinks: Bool = true) throws -> stat {
    var status = stat()
    try withPath(path) { try check(fstatat(AT_FDCWD, $0, &status, followLinks ? 0 : AT_SYMLINK_NOFOLLOW), path) }
    return status
  }

  /// Names without `.` and `..`, unsorted.
  public static func names(in directory: [UInt8]) throws -> [[UInt8]] {
    try withPath(directory) { path in
      guard let stream = opendir(path) else { throw SystemError.last(directory) }
      defer { closedir(stream) }
      var names: [[UInt8]] = []
      while true {
        errno = 0
        guard let entry = readdir(stream) else { break }
        let name = entryName(entry)
        if name != [0x2e] && name != [0x2e, 0x2e] { names.append(name) }
      }
      guard errno == 0 else { throw SystemError.last(directory) }
      return names
    }
  }

  /// The bytes of a directory entry's name.
  public static func entryName(_ entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
    withUnsafePointer(to: &entry.pointee.d_name) { name in
      let start = UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)
      return Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
    }
  }

  public static func makeDirectory(_ path: [UInt8], mode: mode_t = 0o777) throws {
    try withPath(path) { try check(mkdir($0, mode), path) }
  }

  /// Like `mkdir -p`.
  public static func makeDirectories(_ path: [UInt8], mode: mode_t = 0o777) throws {
    do {
      try makeDirectory(path, mode: mode)
    } catch let error as SystemError where error.code == ENOENT && parent(of: path) != path {
      // Where the parent is there and nothing can be made in it, the error is the same.
      if exists(parent(of: path)) { throw error }
      try makeDirectories(parent(of: path), mode: mode)
      try makeDirectories(path, mode: mode)
    } catch let error as SystemError where error.code == EEXIST {
      guard try status(path).st_mode & S_IFMT == S_IFDIR else { throw error }
    }
  }

  public static func rename(_ from: [UInt8], _ to: [UInt8]) throws {
    try withPath(from) { source in try withPath(to) { try check(Glibc.rename(source, $0), from) } }
  }

  public static func link(_ from: [UInt8], _ to: [UInt8]) throws {
    try withPath(from) { source in try withPath(to) { try check(Glibc.link(source, $0), from) } }
  }

  public static func unlink(_ path: [UInt8]) throws {
    try withPath(path) { try check(Glibc.unlink($0), path) }
  }

  public static func removeDirectory(_ path: [UInt8]) throws {
    try withPath(path) { try check(rmdir($0), path) }
  }

  /// Throws what keeps this process from writing there.
  public static func requireWritable(_ path: [UInt8]) throws {
    try withPath(path) { try check(faccessat(AT_FDCWD, $0, W_OK, AT_EACCESS), path) }
  }

  /// Removes a file, or a directory with all that is in it; follows no links.
  public static func removeTree(_ path: [UInt8]) throws {
    guard try status(path, followLinks: false).st_mode & S_IFMT == S_IFDIR else { return try unlink(path) }
    for name in try names(in: path) { try removeTree(join(path, name)) }
    try removeDirectory(path)
  }

  public static func currentDirectory() throws -> [UInt8] {
    guard let path = getcwd(nil, 0) else { throw SystemError.last() }
    defer { free(path) }
    return Array(UnsafeRawBufferPointer(start: path, count: strlen(path)))
  }

  /// Joined with the current directory and normalised as POSIX normpath, links not resolved.
  public static func absolute(_ path: [UInt8]) throws -> [UInt8] {
    let joined = path.first == slash ? path : join(try currentDirectory(), path)
    var elements: [ArraySlice<UInt8>] = []
    for element in joined.split(separator: slash) where element != [0x2e] {
      if element == [0x2e, 0x2e] { _ = elements.popLast() } else { elements.append(element) }
    }
    let hasTwoSlashes = joined.starts(with: [slash, slash]) && joined.dropFirst(2).first != slash
    return (hasTwoSlashes ? [slash, slash] : [slash]) + elements.joined(separator: [slash])
  }

  /// The directory that holds `path`: `.` for a bare name.
  public static func parent(of path: [UInt8]) -> [UInt8] {
    guard let end = path.lastIndex(of: slash) else { return [0x2e] }
    return end == 0 ? [slash] : Array(path[..<end])
  }

  public static func join(_ directory: [UInt8], _ name: [UInt8]) -> [UInt8] {
    directory.last == slash ? directory + name : directory + [slash] + name
  }

  /// Eight random characters from `a-z0-9_`, as Borg names its temporary files.
  public static func randomSuffix() -> String {
    let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789_".utf8)
    return String(decoding: (0..<8).map { _ in letters.randomElement() ?? 0x61 }, as: UTF8.self)
  }

  /// Calls `body` with the path as a C string. Throws EINVAL when it holds a NUL.
  public static func withPath<R>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) throws -> R) throws -> R {
    guard !path.contains(0) else { throw SystemError(code: EINVAL, path: path) }
    return try withUnsafeTemporaryAllocation(of: CChar.self, capacity: path.count + 1) { buffer in
      for (index, byte) in path.enumerated() { buffer[index] = CChar(bitPattern: byte) }
      buffer[path.count] = 0
      guard let start = buffer.baseAddress else { throw SystemError(code: EINVAL, path: path) }
      return try body(start)
    }
  }

  private static let slash: UInt8 = 0x2f

  private static func check(_ result: Int32, _ path: [UInt8]) throws {
    guard result == 0 else { throw SystemError.last(path) }
  }
}
