/// The records of pax headers that matter here; all others are passed over.
struct PaxFields {
  private static let wanted: Set<String> = [
    "path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "GNU.sparse.map", "GNU.sparse.major",
    "GNU.sparse.minor", "GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.size",
  ]

  private var values: [String: [UInt8]] = [:]
  /// Of sparse format 0.0, which repeats its keys.
  private var sparseNumbers: [Int64] = []

  /// Adds the records `LENGTH KEY=VALUE\n` of one header. Throws for damaged ones.
  mutating func read(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while let first = rest.first, first != 0 {
      let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
      guard digits.count <= 9, let length = Int(String(decoding: digits, as: UTF8.self)), length <= rest.count,
        length > digits.count + 2
      else { throw TarReader.damage("invalid pax header") }
      let record = rest.prefix(length)
      guard record[digits.endIndex] == 0x20, record.last == 0x0A else { throw TarReader.damage("invalid pax header") }
      let body = record[(digits.endIndex + 1)..<(record.endIndex - 1)]
      guard let equals = body.firstIndex(of: 0x3D) else { throw TarReader.damage("invalid pax header") }
      try set(String(decoding: body[..<equals], as: UTF8.self), Array(body[(equals + 1)...]))
      rest = rest.dropFirst(length)
    }
  }

  private mutating func set(_ key: String, _ value: [UInt8]) throws {
    if key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes" {
      guard sparseNumbers.count < 2 * TarSparseMap.maximumSegments, let number = Self.integer(value) else {
        throw TarReader.damage("invalid sparse map")
      }
      sparseNumbers.append(number)
    } else if Self.wanted.contains(key) {
      values[key] = value
    }
  }

  private static func integer(_ text: [UInt8]) -> Int64? { Int64(String(decoding: text, as: UTF8.self)) }

  private func integer(_ key: String) throws -> Int64? {
    guard let text = values[key] else { return nil }
    guard let number = Self.integer(text) else { throw TarReader.damage("invalid pax header: \(key)") }
    return number
  }

  /// Replaces what the member's own header says.
  func apply(to member: inout TarMember) throws {
    if values.isEmpty { return }
    if let path = values["path"] { member.name = path }
    if let name = values["GNU.sparse.name"] { member.name = name }
    if let link = values["linkpath"] { member.linkName = link }
    if let user = values["uname"] { member.user = user }
    if let group = values["gname"] { member.group = group }
    if let size = try integer("size") { member.size = size }
    if let uid = try integer("uid") { member.uid = uid }
    if let gid = try integer("gid") { member.gid = gid }
    if let time = values["mtime"] { member.mtime = try Self.time(time) }
  }

  /// Decimal seconds, exactly, in nanoseconds; before 1970: 0.
  private static func time(_ text: [UInt8]) throws -> Int64 {
    let parts = text.split(separator: 0x2E, maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, let seconds = integer(Array(whole)) else {
      throw TarReader.damage("invalid pax header: mtime")
    }
    if text.first == 0x2D { return 0 }
    let digits = parts.count > 1 ? Array(parts[1].prefix(9)) : []
    let padded = digits + [UInt8](repeating: 0x30, count: 9 - digits.count)
    guard let fraction = integer(padded), fraction >= 0 else { throw TarReader.damage("invalid pax header: mtime") }
    return TarReader.nanoseconds(seconds).addingReportingOverflow(fraction).overflow
      ? .max : TarReader.nanoseconds(seconds) + fraction
  }

  /// The map of a sparse file in GNU's pax formats 0.0, 0.1 and 1.0; nil when the member is none. `leadingMap` reads
  /// that of 1.0 from the content.
  func sparseMap(of member: TarMember, leadingMap: () throws -> [Int64]) throws -> TarSparseMap? {
    let realSize = try integer("GNU.sparse.realsize") ?? integer("GNU.sparse.size")
    guard let realSize else { return nil }
    let numbers: [Int64]
    if try integer("GNU.sparse.major") == 1, try integer("GNU.sparse.minor") == 0 {
      numbers = try leadingMap()
    } else if let map = values["GNU.sparse.map"] {
      numbers = try map.split(separator: 0x2C).map { digits in
        guard let number = Self.integer(Array(digits)) else { throw TarReader.damage("invalid sparse map") }
        return number
      }
    } else {
      numbers = sparseNumbers
    }
    guard numbers.count.isMultiple(of: 2) else { throw TarReader.damage("invalid sparse map") }
    var map = TarSparseMap()
    map.realSize = realSize
    for index in stride(from: 0, to: numbers.count, by: 2) {
      try map.append(offset: numbers[index], count: numbers[index + 1])
    }
    return map
  }
}
