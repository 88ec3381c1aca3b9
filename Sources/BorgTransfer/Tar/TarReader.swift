import BorgArchive
import BorgFormat
import BorgSystem

/// Reads the members of a tar stream in v7, ustar, pax, GNU, star or SunOS format (cli.md 8.3).
///
/// What it keeps in memory is bounded, whatever the stream says: one extended header of limited length and the few
/// fields of it that matter here.
final class TarReader {
  private static let maximumNameLength: Int64 = 1 << 20
  private static let maximumPaxLength: Int64 = 16 << 20

  private let input: TarInput
  private let ignoresZeros: Bool
  private var global = PaxFields()
  private var isAtStart = true
  /// Of the current member's content and its padding in the stream.
  private var contentLeft: Int64 = 0
  private var paddingLeft = 0
  /// Of a sparse member: how far the caller has read, and the segment that comes next.
  private var position: Int64 = 0
  private var nextSegment = 0

  init(_ input: TarInput, ignoresZeros: Bool) {
    self.input = input
    self.ignoresZeros = ignoresZeros
  }

  static func damage(_ reason: String) -> ArchiveError { .plain("tar file: \(reason)") }

  /// The next member, nil at the end. What was not read of the one before is skipped. Throws for damaged headers.
  func next() throws -> TarMember? {
    try input.skip(contentLeft + Int64(paddingLeft))
    (contentLeft, paddingLeft) = (0, 0)
    var fields = PaxFields()
    var longName: [UInt8]?
    var longLink: [UInt8]?
    var isExtended = false
    while let block = try header(isExtended: isExtended) {
      var member = try Self.decode(block)
      isExtended = true
      switch member.type {
      case TarType.longName: longName = try longText(member.size)
      case TarType.longLink: longLink = try longText(member.size)
      case TarType.pax, TarType.solarisPax: try fields.read(try extended(member.size, Self.maximumPaxLength))
      case TarType.paxGlobal: try global.read(try extended(member.size, Self.maximumPaxLength))
      default:
        if member.type == TarType.sparse { try readOldSparse(block, &member) }
        try global.apply(to: &member)
        if let longName { member.name = longName }
        if let longLink { member.linkName = longLink }
        try fields.apply(to: &member)
        try begin(&member, fields)
        return member
      }
    }
    return nil
  }

  /// A header's block; nil at the end of the archive.
  private func header(isExtended: Bool) throws -> [UInt8]? {
    while true {
      var block = [UInt8](repeating: 0, count: TarFormat.blockSize)
      let count = try block.withUnsafeMutableBytes { try input.read(into: $0) }
      guard count > 0 else {
        if isAtStart { throw Self.damage("empty file") }
        if isExtended { throw Self.damage("unexpected end of data") }
        return nil
      }
      guard count == block.count else { throw Self.damage("truncated header") }
      if block.allSatisfy({ $0 == 0 }) {
        isAtStart = false
        if ignoresZeros { continue }
        if isExtended { throw Self.damage("missing header") }
        return nil
      }
      if Self.hasRightChecksum(block) {
        isAtStart = false
        return block
      }
      if !ignoresZeros { throw Self.damage("bad checksum") }
    }
  }

  /// Some old programs took bytes for signed numbers.
  private static func hasRightChecksum(_ block: [UInt8]) -> Bool {
    guard let stated = TarNumber.decode(block[148..<156]) else { return false }
    var (unsigned, signed): (Int64, Int64) = (256, 256)
    for (index, byte) in block.enumerated() where !(148..<156).contains(index) {
      unsigned += Int64(byte)
      signed += Int64(Int8(bitPattern: byte))
    }
    return stated == unsigned || stated == signed
  }

  private static func decode(_ block: [UInt8]) throws -> TarMember {
    func text(_ range: Range<Int>) -> [UInt8] { Array(block[range].prefix { $0 != 0 }) }
    func number(_ range: Range<Int>) throws -> Int64 {
      guard let number = TarNumber.decode(block[range]) else { throw damage("invalid header") }
      return number
    }
    var member = TarMember()
    member.name = text(0..<100)
    member.mode = UInt32(truncatingIfNeeded: try number(100..<108)) & 0o7777
    (member.uid, member.gid) = (try number(108..<116), try number(116..<124))
    member.size = try number(124..<136)
    guard member.size >= 0 else { throw damage("invalid header") }
    member.mtime = nanoseconds(try number(136..<148))
    member.type = block[156]
    member.linkName = text(157..<257)
    if block[257..<262].elementsEqual("ustar".utf8) {
      (member.user, member.group) = (text(265..<297), text(297..<329))
      if member.type == TarType.characterDevice || member.type == TarType.blockDevice {
        member.device = (
          UInt32(truncatingIfNeeded: try number(329..<337)), UInt32(truncatingIfNeeded: try number(337..<345))
        )
      }
      if block[262] == 0 {
        let isStar = block[508..<512].elementsEqual([0x74, 0x61, 0x72, 0])
        let prefix = text(345..<(isStar ? 476 : 500))
        if !prefix.isEmpty { member.name = prefix + [0x2F] + member.name }
      }
    }
    if member.type == TarType.oldRegular, member.name.last == 0x2F { member.type = TarType.directory }
    return member
  }

  static func nanoseconds(_ seconds: Int64) -> Int64 {
    let (result, overflow) = max(0, seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : result
  }

  private func longText(_ size: Int64) throws -> [UInt8] {
    try Array(extended(size, Self.maximumNameLength).prefix { $0 != 0 })
  }

  private func extended(_ size: Int64, _ limit: Int64) throws -> [UInt8] {
    guard size <= limit else { throw Self.damage("an extended header of \(size) bytes is too long") }
    let bytes = try input.bytes(Int(size))
    try input.skip(Int64(TarFormat.padding(after: size)))
    return bytes
  }
}

/// Contents.
extension TarReader {
  private func begin(_ member: inout TarMember, _ fields: PaxFields) throws {
    guard member.size >= 0, member.size <= Int64.max - 1024 else { throw Self.damage("invalid header") }
    contentLeft = member.hasContent ? member.size : 0
    paddingLeft = TarFormat.padding(after: contentLeft)
    (position, nextSegment) = (0, 0)
    guard member.isRegular else { return }
    if let map = try fields.sparseMap(of: member, leadingMap: readLeadingMap) { member.sparse = map }
    try member.sparse?.check(stored: contentLeft)
  }

  /// The current member's content: fills the memory, unless the content ends before. `member` is what `next` gave.
  func read(_ member: TarMember, into target: UnsafeMutableRawBufferPointer) throws -> Int {
    guard let map = member.sparse else { return try readStored(into: target) }
    var done = 0
    while done < target.count, position < map.realSize {
      let segment = nextSegment < map.segments.count ? map.segments[nextSegment] : nil
      let room = Int64(target.count - done)
      if let segment, position >= segment.offset {
        let count = Int(min(room, segment.offset + segment.count - position))
        let piece = UnsafeMutableRawBufferPointer(rebasing: target[done..<done + count])
        guard try readStored(into: piece) == count else { throw Self.damage("unexpected end of data") }
        done += count
        position += Int64(count)
        if position == segment.offset + segment.count { nextSegment += 1 }
      } else {
        let count = Int(min(room, (segment?.offset ?? map.realSize) - position))
        UnsafeMutableRawBufferPointer(rebasing: target[done..<done + count]).initializeMemory(
          as: UInt8.self, repeating: 0)
        done += count
        position += Int64(count)
      }
    }
    return done
  }

  private func readStored(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    let wanted = Int(min(Int64(target.count), contentLeft))
    let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: target[0..<wanted]))
    guard count == wanted else { throw Self.damage("unexpected end of data") }
    contentLeft -= Int64(count)
    return count
  }

  /// GNU's old sparse format: four entries in the header, more in blocks behind it.
  private func readOldSparse(_ block: [UInt8], _ member: inout TarMember) throws {
    var map = TarSparseMap()
    guard let realSize = TarNumber.decode(block[483..<495]) else { throw Self.damage("invalid header") }
    map.realSize = realSize
    try Self.readEntries(block, at: 386, count: 4, &map)
    var goesOn = block[482] != 0
    while goesOn {
      let more = try input.bytes(TarFormat.blockSize)
      try Self.readEntries(more, at: 0, count: 21, &map)
      goesOn = more[504] != 0
    }
    member.sparse = map
  }

  private static func readEntries(_ block: [UInt8], at start: Int, count: Int, _ map: inout TarSparseMap) throws {
    for index in 0..<count {
      let place = start + index * 24
      guard let offset = TarNumber.decode(block[place..<place + 12]),
        let length = TarNumber.decode(block[place + 12..<place + 24])
      else { throw damage("invalid sparse map") }
      if offset > 0 || length > 0 { try map.append(offset: offset, count: length) }
    }
  }

  /// The map of sparse format 1.0: decimal lines in front of the content, in whole blocks.
  private func readLeadingMap() throws -> [Int64] {
    var numbers: [Int64] = []
    var pending: [UInt8] = []
    var wanted = 1
    while numbers.count < wanted {
      let block = try [UInt8](unsafeUninitializedCapacity: TarFormat.blockSize) { buffer, count in
        count = try readStored(into: UnsafeMutableRawBufferPointer(buffer))
      }
      guard block.count == TarFormat.blockSize else { throw Self.damage("invalid sparse map") }
      for byte in block where numbers.count < wanted {
        guard byte == 0x0A else {
          pending.append(byte)
          if pending.count > 20 { throw Self.damage("invalid sparse map") }
          continue
        }
        guard let number = Int64(String(decoding: pending, as: UTF8.self)), number >= 0 else {
          throw Self.damage("invalid sparse map")
        }
        pending = []
        numbers.append(number)
        if numbers.count == 1 {
          guard number <= TarSparseMap.maximumSegments else { throw Self.damage("invalid sparse map") }
          wanted = 1 + 2 * Int(number)
        }
      }
    }
    return Array(numbers.dropFirst())
  }
}
