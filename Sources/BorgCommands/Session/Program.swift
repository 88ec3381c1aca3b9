/// The executable as it was called: its role decides what a command line means, its name what usage lines show.
struct Program: Sendable {
  enum Role: Sendable { case borg, borgfs }

  /// The version of Borg whose behaviour, formats and protocol this program has.
  static let version = "1.4.5"

  let name: String
  let role: Role

  /// `role` nil: an executable that is called `borgfs` is borgfs.
  init(calledAs path: [UInt8], role: Role? = nil) {
    let base = path.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) } ?? "borg"
    name = base
    self.role = role ?? (base == "borgfs" ? .borgfs : .borg)
  }

  /// The outermost level of the command line.
  var root: CommandDeclaration {
    switch role {
    case .borg: CommandTable.root
    case .borgfs: CommandTable.borgfs
    }
  }
}
