/// Extended attributes that tell where a file comes from. They are not listed, lest copies carry them on: who wants to
/// know asks by name.
enum OriginAttribute: String {
  /// The archive's name.
  case archive = "user.borg.archive"
  /// The path as it is stored.
  case path = "user.borg.path"
  /// How many chunks a file has.
  case chunks = "user.borg.chunks"

  init?(_ name: UnsafeRawBufferPointer) {
    guard name.starts(with: "user.borg.".utf8) else { return nil }
    self.init(rawValue: String(decoding: name, as: UTF8.self))
  }
}
