import BorgFormat

/// The arguments of one request where they stand in its frame: a map of names, or an array in the old form. Nothing is
/// decoded but what is asked for, so a hostile frame costs no more memory than it has bytes.
struct RequestArguments {
  private let frame: UnsafeRawBufferPointer
  private let start: Int
  /// Nil: arguments have names.
  private let positions: [StaticString]?

  private static let maximumCount = 64

  /// The value at `start` of a frame that has been found whole.
  init(_ frame: UnsafeRawBufferPointer, at start: Int, positions: [StaticString]?) {
    self.frame = frame
    self.start = start
    self.positions = positions
  }

  func bool(_ name: StaticString) throws -> Bool? {
    try value(name) { reader throws(MessagePackReader.Failure) in
      if let flag = try? reader.readBool() { return flag }
      return try reader.readInt() != 0
    }
  }

  func int(_ name: StaticString) throws -> Int? {
    try value(name) { reader throws(MessagePackReader.Failure) in Int(clamping: try reader.readInt()) }
  }

  /// Never infinite, nor not a number.
  func number(_ name: StaticString) throws -> Double? {
    try value(name) { reader throws(MessagePackReader.Failure) in
      guard [0xca, 0xcb].contains(reader.bytes[reader.offset]) else { return Double(try reader.readInt()) }
      guard case .float(let value) = try reader.readValue(), value.isFinite else {
        throw .malformed("expected a finite number")
      }
      return value
    }
  }

  func nonce(_ name: StaticString) throws -> UInt64? {
    try value(name) { reader throws(MessagePackReader.Failure) in try reader.readUInt() }
  }

  func optionalID(_ name: StaticString) throws -> ChunkID? {
    try value(name) { reader throws(MessagePackReader.Failure) in try reader.readID() }
  }

  func id(_ name: StaticString) throws -> ChunkID { try required(name, optionalID(name)) }

  func bytes(_ name: StaticString) throws -> [UInt8] {
    try required(name, value(name) { reader throws(MessagePackReader.Failure) in try reader.readBytes() })
  }

  func greeting(_ name: StaticString) throws -> RepositoryRequest.Greeting {
    guard var reader = try reader(name) else { throw RequestArguments.missing(name) }
    if (try? reader.readInt()) == 2 { return .protocolTwo }
    return (try? reader.readMapHeader()) == nil ? .other : .map
  }

  /// Nil when it is missing or nil. Throws `ServingError.badArgument` for a wrong type.
  private func value<T>(
    _ name: StaticString, _ read: (inout MessagePackReader) throws(MessagePackReader.Failure) -> T
  ) throws -> T? {
    guard var reader = try reader(name) else { return nil }
    do throws(MessagePackReader.Failure) {
      return try reader.skipNil() ? nil : try read(&reader)
    } catch {
      throw ServingError.badArgument("\(name): \(error.formatError)")
    }
  }

  private func reader(_ name: StaticString) throws -> MessagePackReader? {
    do throws(MessagePackReader.Failure) {
      var reader = MessagePackReader(frame, offset: start)
      if let positions { return try seek(name, in: positions, &reader) ? reader : nil }
      let count = try reader.readMapHeader()
      guard count <= RequestArguments.maximumCount else { throw .malformed("too many arguments") }
      for _ in 0..<count {
        if try reader.readRaw().equals(name) { return reader }
        try reader.skipValue()
      }
      return nil
    } catch {
      throw ServingError.badArgument("\(error.formatError)")
    }
  }

  private func seek(
    _ name: StaticString, in positions: [StaticString], _ reader: inout MessagePackReader
  ) throws(MessagePackReader.Failure) -> Bool {
    let count = try reader.readArrayHeader()
    for position in positions.prefix(count) {
      if UnsafeRawBufferPointer(start: position.utf8Start, count: position.utf8CodeUnitCount).equals(name) {
        return true
      }
      try reader.skipValue()
    }
    return false
  }

  private func required<T>(_ name: StaticString, _ value: T?) throws -> T {
    guard let value else { throw RequestArguments.missing(name) }
    return value
  }

  private static func missing(_ name: StaticString) -> ServingError {
    .badArgument("missing a required argument: '\(name)'")
  }
}

extension UnsafeRawBufferPointer {
  func equals(_ text: StaticString) -> Bool {
    elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
