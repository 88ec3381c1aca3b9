/// Where an entry lies: its segment's number and its offset in that file.
struct EntryLocation: Equatable, Sendable {
  var segment: UInt32
  var offset: UInt32
}

extension EntryLocation: CustomStringConvertible {
  /// As Borg prints it in check reports.
  var description: String { "(\(segment), \(offset))" }
}
