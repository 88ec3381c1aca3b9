import Glibc

extension Files {
  /// The absolute path with all symbolic links followed, as Python's `realpath`: what does not exist stays as it is.
  /// Throws ELOOP when links lead in a circle, EINVAL for a path with a NUL.
  public static func resolved(_ path: [UInt8]) throws -> [UInt8] {
    let slash = UInt8(ascii: "/")
    var result: [UInt8] = [slash]
    let start = path.first == slash ? path : join(try currentDirectory(), path)
    var pending = Array(start.split(separator: slash).reversed())
    var followed = 0
    while let name = pending.popLast() {
      if name == [0x2e] { continue }
      if name == [0x2e, 0x2e] {
        result = parent(of: result)
        continue
      }
      let next = join(result, Array(name))
      guard let target = try linkTarget(next) else {
        result = next
        continue
      }
      followed += 1
      guard followed <= maximumLinks else { throw SystemError(code: ELOOP, path: path) }
      if target.first == slash { result = [slash] }
      pending += target.split(separator: slash).reversed()
    }
    return result
  }

  /// Nil: no link, or nothing that can be looked at.
  private static func linkTarget(_ path: [UInt8]) throws -> [UInt8]? {
    try withPath(path) { name in
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
        guard let start = buffer.baseAddress else { return nil }
        let count = readlink(name, start, buffer.count)
        return count < 0 ? nil : buffer[..<count].map { UInt8(bitPattern: $0) }
      }
    }
  }

  private static let maximumLinks = 40
}
