import BorgArchive
import BorgFormat
import BorgSystem

/// The fixed numbers and field places of a tar stream.
enum TarFormat {
  static let blockSize = 512
  /// A stream is a multiple of it long.
  static let recordSize = 10_240

  /// Bytes up to the next whole block.
  static func padding(after size: Int64) -> Int { Int(-size & 511) }
}

/// The type bytes of members.
enum TarType {
  static let regular = UInt8(ascii: "0")
  static let oldRegular: UInt8 = 0
  static let hardLink = UInt8(ascii: "1")
  static let symbolicLink = UInt8(ascii: "2")
  static let characterDevice = UInt8(ascii: "3")
  static let blockDevice = UInt8(ascii: "4")
  static let directory = UInt8(ascii: "5")
  static let fifo = UInt8(ascii: "6")
  static let contiguous = UInt8(ascii: "7")
  static let longName = UInt8(ascii: "L")
  static let longLink = UInt8(ascii: "K")
  static let sparse = UInt8(ascii: "S")
  static let pax = UInt8(ascii: "x")
  static let solarisPax = UInt8(ascii: "X")
  static let paxGlobal = UInt8(ascii: "g")
}

/// One member's metadata on its way into a GNU tar stream.
struct TarHeader {
  var name: [UInt8]
  var type = TarType.regular
  var mode: UInt32 = 0
  var uid: Int64 = 0
  var gid: Int64 = 0
  var size: Int64 = 0
  /// Whole seconds since 1970.
  var mtime: Int64 = 0
  var linkName: [UInt8] = []
  var user: [UInt8] = []
  var group: [UInt8] = []
  var device: (major: UInt32, minor: UInt32)?

  init(name: [UInt8]) {
    self.name = name
  }

  /// The header's blocks, long names by GNU's extension in front. Throws when a number is too large for its field.
  func encoded() throws -> [UInt8] {
    var blocks: [UInt8] = []
    blocks.reserveCapacity(TarFormat.blockSize)
    if linkName.count > Self.nameLength { blocks += try Self.long(linkName, TarType.longLink) }
    if name.count > Self.nameLength { blocks += try Self.long(name, TarType.longName) }
    return blocks + (try block())
  }

  private static let nameLength = 100

  private static func long(_ text: [UInt8], _ type: UInt8) throws -> [UInt8] {
    var header = TarHeader(name: Array("././@LongLink".utf8))
    header.type = type
    let content = text + [0]
    header.size = Int64(content.count)
    return try header.block() + content + [UInt8](repeating: 0, count: TarFormat.padding(after: header.size))
  }

  private func block() throws -> [UInt8] {
    var block = [UInt8](repeating: 0, count: TarFormat.blockSize)
    func put(_ text: [UInt8], at offset: Int, _ length: Int) {
      let count = min(text.count, length)
      block.replaceSubrange(offset..<offset + count, with: text[..<count])
    }
    put(name, at: 0, 100)
    put(try TarNumber.encode(Int64(mode & 0o7777), length: 8), at: 100, 8)
    put(try TarNumber.encode(uid, length: 8), at: 108, 8)
    put(try TarNumber.encode(gid, length: 8), at: 116, 8)
    put(try TarNumber.encode(size, length: 12), at: 124, 12)
    put(try TarNumber.encode(mtime, length: 12), at: 136, 12)
    put([UInt8](repeating: 0x20, count: 8), at: 148, 8)
    block[156] = type
    put(linkName, at: 157, 100)
    put(Array("ustar  ".utf8), at: 257, 8)
    put(user, at: 265, 32)
    put(group, at: 297, 32)
    if let device {
      put(try TarNumber.encode(Int64(device.major), length: 8), at: 329, 8)
      put(try TarNumber.encode(Int64(device.minor), length: 8), at: 337, 8)
    }
    put(TarNumber.octal(block.reduce(0) { $0 + Int64($1) }, digits: 6), at: 148, 6)
    block[154] = 0
    return block
  }
}

/// Numbers in headers: octal text, or base 256 when that does not fit.
enum TarNumber {
  static func octal(_ number: Int64, digits: Int) -> [UInt8] {
    let text = String(number, radix: 8)
    return Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
  }

  /// Throws for what does not fit into `length - 1` bytes.
  static func encode(_ number: Int64, length: Int) throws -> [UInt8] {
    if number >= 0, number < 1 << Int64(3 * (length - 1)) { return octal(number, digits: length - 1) + [0] }
    let bits = 8 * (length - 1)
    if bits < 63, number >= 1 << Int64(bits) || number < -(1 << Int64(bits)) {
      throw ArchiveError.plain("\(number) is too large for a tar header")
    }
    var field = [UInt8](repeating: 0, count: length)
    for index in 1..<length {
      field[index] = UInt8(truncatingIfNeeded: number >> Int64(min(63, 8 * (length - 1 - index))))
    }
    field[0] = number < 0 ? 0xFF : 0x80
    return field
  }

  /// Nil for what is no number, or too large.
  static func decode(_ field: ArraySlice<UInt8>) -> Int64? {
    guard let first = field.first else { return nil }
    return first & 0x80 != 0 ? decodeBinary(field, first) : decodeOctal(field)
  }

  private static func decodeBinary(_ field: ArraySlice<UInt8>, _ first: UInt8) -> Int64? {
    let isNegative = first & 0x40 != 0
    var value = Int64(first & 0x3F) - (isNegative ? 0x40 : 0)
    for byte in field.dropFirst() {
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 256)
      if overflow { return nil }
      value = shifted | Int64(byte)
    }
    return value
  }

  private static func decodeOctal(_ field: ArraySlice<UInt8>) -> Int64? {
    let text = field.prefix { $0 != 0 }.drop { $0 == 0x20 }
    let digits = text.prefix { $0 != 0x20 }
    guard text.dropFirst(digits.count).allSatisfy({ $0 == 0x20 }) else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x37, value < 1 << 59 else { return nil }
      value = value << 3 | Int64(digit - 0x30)
    }
    return value
  }
}
