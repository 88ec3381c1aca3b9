import BorgFormat

/// What searches saw in some blocks and seams, in a form to be kept: each content of each path once, and which of the
/// parts hold it. A part is told by its place among the segment's.
///
/// Each list ends with one record more, whose starts are the ends of what there is.
struct SeenSegment {
  struct Directory: BitwiseCopyable {
    var pathStart: UInt32
    var firstName: UInt32
  }

  struct Name: BitwiseCopyable {
    var start: UInt32
    var firstContent: UInt32
  }

  struct Content: BitwiseCopyable, Equatable {
    var mtime: Int64
    var size: Int64
    /// The mode above the 48 bits of `SightedContent.identity`.
    var modeAndIdentity: UInt64
    /// Of a later name of a hard link: its first name, by its number among the segment's sources; else `none`.
    var source: UInt32
    var firstHolder: UInt32 = 0
  }

  static let none = UInt32.max

  var partCount: UInt32 = 0
  var directories: [Directory] = []
  var names: [Name] = []
  var contents: [Content] = []
  /// Where each source's path starts.
  var sources: [UInt32] = []
  var directoryBytes: [UInt8] = []
  var nameBytes: [UInt8] = []
  var sourceBytes: [UInt8] = []
  /// Of each content the parts that hold it, ascending: what each is beyond the one before, seven bits a byte.
  var holders: [UInt8] = []

  init() {}

  /// Nil: the bytes are no segment that could have been made.
  init?(_ bytes: [UInt8]) {
    var record = RecordReader(bytes)
    guard let header = record.next(UInt32.self), header.count == 1,
      let directories = record.next(Directory.self), let names = record.next(Name.self),
      let contents = record.next(Content.self), let sources = record.next(UInt32.self),
      let directoryBytes = record.next(UInt8.self), let nameBytes = record.next(UInt8.self),
      let sourceBytes = record.next(UInt8.self), let holders = record.next(UInt8.self), record.isAtEnd
    else { return nil }
    partCount = header[0]
    (self.directories, self.names, self.contents, self.sources) = (directories, names, contents, sources)
    (self.directoryBytes, self.nameBytes, self.sourceBytes) = (directoryBytes, nameBytes, sourceBytes)
    self.holders = holders
    guard isSound else { return nil }
  }

  var bytes: [UInt8] {
    var record = RecordWriter(reserving: byteCount)
    record.append([partCount])
    record.append(directories)
    record.append(names)
    record.append(contents)
    record.append(sources)
    record.append(directoryBytes)
    record.append(nameBytes)
    record.append(sourceBytes)
    record.append(holders)
    return record.bytes
  }

  /// About as many bytes as it takes.
  private var byteCount: Int {
    (directories.count + names.count) * MemoryLayout<Name>.stride + contents.count * MemoryLayout<Content>.stride
      + sources.count * 4 + directoryBytes.count + nameBytes.count + sourceBytes.count + holders.count + 100
  }

  private var isSound: Bool {
    ascends(directories, to: directoryBytes.count, \.pathStart)
      && ascends(directories, to: names.count - 1, \.firstName)
      && ascends(names, to: nameBytes.count, \.start) && ascends(names, to: contents.count - 1, \.firstContent)
      && ascends(contents, to: holders.count, \.firstHolder) && ascends(sources, to: sourceBytes.count, \.self)
      && contents.allSatisfy { $0.source == SeenSegment.none || $0.source < sources.count - 1 }
  }

  private func ascends<R>(_ list: [R], to end: Int, _ start: (R) -> UInt32) -> Bool {
    var last: UInt32 = 0
    for record in list {
      guard start(record) >= last else { return false }
      last = start(record)
    }
    return !list.isEmpty && Int(last) == end
  }
}

extension SeenSegment {
  var directoryCount: Int { directories.count - 1 }

  /// The numbers of a directory's names.
  func names(in directory: Int) -> Range<Int> {
    Int(directories[directory].firstName)..<Int(directories[directory + 1].firstName)
  }

  /// The numbers of a name's contents.
  func contents(of name: Int) -> Range<Int> {
    Int(names[name].firstContent)..<Int(names[name + 1].firstContent)
  }

  func withPath<R>(ofDirectory number: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let range = Int(directories[number].pathStart)..<Int(directories[number + 1].pathStart)
    return directoryBytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  func withName<R>(_ number: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let range = Int(names[number].start)..<Int(names[number + 1].start)
    return nameBytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// Calls `body` with a content's source, nil when it has none.
  func withSource<R>(of content: Content, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
    guard content.source != SeenSegment.none else { return body(nil) }
    let range = Int(sources[Int(content.source)])..<Int(sources[Int(content.source) + 1])
    return sourceBytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// Calls `body` with each part that holds a content.
  func forEachHolder(of content: Int, _ body: (UInt32) -> Void) {
    var part: UInt64 = 0
    var (value, shift): (UInt64, UInt64) = (0, 0)
    for position in Int(contents[content].firstHolder)..<Int(contents[content + 1].firstHolder) {
      value |= UInt64(holders[position] & 0x7F) << shift
      shift += 7
      // What is longer is no number of a part.
      guard holders[position] & 0x80 == 0 else { if shift < 35 { continue } else { return } }
      part += value
      guard part < partCount else { return }
      body(UInt32(part))
      (value, shift) = (0, 0)
    }
  }

  /// Appends what `forEachHolder` reads.
  static func append(_ parts: ArraySlice<UInt32>, to bytes: inout [UInt8]) {
    // What was put together from several segments need not ascend.
    let ascends = zip(parts, parts.dropFirst()).allSatisfy { $0 < $1 }
    var last: UInt32 = 0
    for part in ascends ? parts : parts.sorted()[...] {
      var value = part - last
      while value >= 0x80 {
        bytes.append(UInt8(value & 0x7F) | 0x80)
        value >>= 7
      }
      bytes.append(UInt8(value))
      last = part
    }
  }
}

extension SeenSegment.Content {
  init(_ content: SightedContent, source: UInt32) {
    mtime = content.mtime
    size = content.size
    modeAndIdentity = UInt64(content.mode) << 48 | content.identity
    self.source = source
  }

  var sighted: SightedContent {
    SightedContent(
      mode: UInt32(modeAndIdentity >> 48), size: size, mtime: mtime, identity: modeAndIdentity & 0xFFFF_FFFF_FFFF)
  }
}
