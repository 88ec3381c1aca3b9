import BorgFormat
import BorgSystem

/// Writes a server's answers, each in the form of its request. They gather until `flush`, so that a client that asks
/// for much at once costs few system calls; large objects are not copied.
struct ResponseWriter {
  private let output: File
  /// Multi-line text about this machine for error messages; may be empty.
  private let systemDescription: String
  private var pending = MessagePackWriter()

  private static let capacity = 1 << 20
  /// From here on copying costs more than a system call.
  private static let directSize = 64 << 10

  init(_ output: File, systemDescription: String) {
    self.output = output
    self.systemDescription = systemDescription
    pending.bytes.reserveCapacity(ResponseWriter.capacity)
  }

  mutating func write(
    to addressee: ReceivedRequest.Addressee, _ result: (inout MessagePackWriter) -> Void
  ) throws {
    writeHead(addressee)
    result(&pending)
    if pending.bytes.count >= ResponseWriter.capacity { try flush() }
  }

  mutating func write(object: [UInt8], to addressee: ReceivedRequest.Addressee) throws {
    guard object.count >= ResponseWriter.directSize else {
      return try write(to: addressee) { $0.writeRaw(object) }
    }
    writeHead(addressee)
    pending.writeRawHeader(object.count)
    try pending.bytes.withUnsafeBytes { head in
      try object.withUnsafeBytes { try output.writeVector([head, $0]) }
    }
    pending.bytes.removeAll(keepingCapacity: true)
  }

  mutating func write(_ report: ErrorReport, to addressee: ReceivedRequest.Addressee) throws {
    if addressee.isPositional {
      pending.writeArrayHeader(4)
      pending.writeInt(1)
      pending.write(addressee.message)
      pending.writeText(report.className)
      pending.writeText("Remote Exception (see remote log for the traceback)")
    } else {
      writeMap(report, addressee)
    }
    if pending.bytes.count >= ResponseWriter.capacity { try flush() }
  }

  mutating func flush() throws {
    guard !pending.bytes.isEmpty else { return }
    defer { pending.bytes.removeAll(keepingCapacity: pending.bytes.capacity <= 4 * ResponseWriter.capacity) }
    try output.write(pending.bytes)
  }

  private mutating func writeHead(_ addressee: ReceivedRequest.Addressee) {
    if addressee.isPositional {
      pending.writeArrayHeader(4)
      pending.writeInt(1)
      pending.write(addressee.message)
      pending.writeNil()
    } else {
      pending.writeMapHeader(2)
      pending.writeRaw("i")
      pending.write(addressee.message)
      pending.writeRaw("r")
    }
  }

  private mutating func writeMap(_ report: ErrorReport, _ addressee: ReceivedRequest.Addressee) {
    pending.writeMapHeader(7)
    pending.writeRaw("i")
    pending.write(addressee.message)
    pending.writeRaw("exception_class")
    pending.writeText(report.className)
    pending.writeRaw("exception_args")
    pending.writeArrayHeader(report.arguments.count)
    for argument in report.arguments {
      switch argument {
      case .text(let text): pending.writeText(text)
      case .number(let number): pending.writeInt(number)
      }
    }
    for (key, line) in [("exception_full", report.shortText + "\n"), ("exception_short", report.shortText)] {
      pending.writeText(key)
      pending.writeArrayHeader(1)
      pending.writeText(line)
    }
    pending.writeRaw("exception_trace")
    pending.writeBool(false)
    pending.writeRaw("sysinfo")
    pending.writeText(systemDescription)
  }
}

extension MessagePackWriter {
  fileprivate mutating func writeText(_ text: String) { writeRaw(Array(text.utf8)) }
}
