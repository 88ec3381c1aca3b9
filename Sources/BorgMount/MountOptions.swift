import BorgSystem

/// What `-o` asks for (fuse.md section 2): options of our own, and those that libfuse and the kernel get.
public struct MountOptions: Sendable, Equatable {
  public var showsVersions = false
  public var opensDamagedFiles = false
  /// The repository's shared lock is held for as long as the mount lasts, as Borg's mounts do.
  public var holdsLock = false
  public var uid: UInt32?
  public var gid: UInt32?
  public var umask: UInt32 = 0
  /// Bytes of plain chunks to keep; nil: as the environment says.
  public var cacheSize: Int?
  /// Bytes of the index in the cache folder; nil: as the environment says.
  public var indexSize: Int?
  /// In the order they are given to libfuse, one `-o` each.
  public private(set) var passedOn = ["fsname=borgfs", "ro", "default_permissions"]

  /// Throws `MountError.unsupportedValue`. `nil`: no `-o` was given.
  public init(parsing text: String?) throws(MountError) {
    passedOn += (text ?? "").split(separator: ",").map { String($0) }.filter { !MountOptions.isIgnored($0) }
    if try takeFlag("ignore_permissions") { _ = try takeFlag("default_permissions") }
    opensDamagedFiles = try takeFlag("allow_damaged_files")
    holdsLock = try takeFlag("lock")
    showsVersions = try takeFlag("versions")
    uid = try takeNumber("uid", radix: 0)
    gid = try takeNumber("gid", radix: 0)
    umask = try takeNumber("umask", radix: 8) ?? 0
    cacheSize = try takeSize("cache_size")
    indexSize = try takeSize("index_size")
  }

  /// What mount(8) and fstab say for themselves. `rw` is among them: a mount is always read-only.
  private static func isIgnored(_ option: String) -> Bool {
    switch option {
    case "rw", "defaults", "auto", "noauto", "user", "users", "nouser", "_netdev", "nofail": true
    default: option.hasPrefix("x-")
    }
  }

  /// Takes the first option called `key` out of the list; its text after `=`, or nil without one.
  private mutating func take(_ key: String) -> (option: String, value: String?)? {
    guard let index = passedOn.firstIndex(where: { $0 == key || $0.hasPrefix("\(key)=") }) else { return nil }
    let option = passedOn.remove(at: index)
    return (option, option == key ? nil : String(option.dropFirst(key.count + 1)))
  }

  private mutating func takeFlag(_ key: String) throws(MountError) -> Bool {
    guard let (option, value) = take(key) else { return false }
    switch value?.lowercased() {
    case nil, "y", "yes", "true", "1": return true
    case "n", "no", "false", "0": return false
    default: throw .unsupportedValue(option: option)
    }
  }

  /// A number as Python's `int(text, radix)` reads it; without a value the option counts as not given.
  private mutating func takeNumber(_ key: String, radix: Int) throws(MountError) -> UInt32? {
    guard let (option, value) = take(key), let value else { return nil }
    guard let number = MountOptions.number(value, radix: radix) else { throw .unsupportedValue(option: option) }
    return number
  }

  private mutating func takeSize(_ key: String) throws(MountError) -> Int? {
    guard let (option, value) = take(key) else { return nil }
    guard let size = ByteCount.parse(value ?? "") else { throw .unsupportedValue(option: option) }
    return size
  }

  /// Radix 0: decimal, or told by `0x`, `0o`, `0b`; a decimal number has no leading zeros. An octal one may have `0o`.
  static func number(_ text: String, radix: Int) -> UInt32? {
    let digits = text.lowercased()
    let prefixes = ["0x": 16, "0o": 8, "0b": 2]
    if let told = prefixes[String(digits.prefix(2))], radix == 0 || told == radix {
      return parse(digits.dropFirst(2), told)
    }
    if radix == 0, digits.hasPrefix("0"), digits.contains(where: { $0 != "0" }) { return nil }
    return parse(Substring(digits), radix == 0 ? 10 : radix)
  }

  private static func parse(_ digits: Substring, _ radix: Int) -> UInt32? {
    digits.first?.isHexDigit == true ? UInt32(digits, radix: radix) : nil
  }
}
