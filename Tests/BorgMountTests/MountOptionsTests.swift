import Testing

@testable import BorgMount

struct MountOptionsTests {
  private let always = ["fsname=borgfs", "ro", "default_permissions"]

  @Test func `without options the fixed ones are passed on`() throws {
    let options = try MountOptions(parsing: nil)
    #expect(options.passedOn == always)
    #expect((options.showsVersions, options.opensDamagedFiles, options.umask, options.uid) == (false, false, 0, nil))
  }

  @Test func `what mount(8) adds does no harm and the rest is passed on in order`() throws {
    let options = try MountOptions(parsing: "rw,noauto,user,_netdev,x-systemd.automount,dev,suid,allow_other")
    #expect(options.passedOn == always + ["dev", "suid", "allow_other"])
  }

  @Test func `flags take Python's words for yes and no`() throws {
    #expect(try MountOptions(parsing: "versions,allow_damaged_files=YES").showsVersions)
    #expect(try MountOptions(parsing: "versions,allow_damaged_files=YES").opensDamagedFiles)
    #expect(try !MountOptions(parsing: "versions=No").showsVersions)
    #expect(throws: MountError.unsupportedValue(option: "versions=maybe")) {
      try MountOptions(parsing: "versions=maybe")
    }
  }

  @Test func `ignore_permissions takes the kernel's check away`() throws {
    #expect(try MountOptions(parsing: "ignore_permissions").passedOn == ["fsname=borgfs", "ro"])
    #expect(try MountOptions(parsing: "ignore_permissions=0").passedOn == always)
  }

  @Test(arguments: [("7", 7), ("0", 0), ("0x1F", 31), ("0o17", 15), ("0b101", 5), ("00", 0)])
  func `owners are numbers`(text: String, value: UInt32) throws {
    #expect(try MountOptions(parsing: "uid=\(text),gid=\(text)").uid == value)
    #expect(try MountOptions(parsing: "uid=\(text),gid=\(text)").gid == value)
  }

  @Test(arguments: ["010", "x", "", "-1", "4294967296", "1.5", "0x"]) func `other owners are refused`(text: String) {
    #expect(throws: MountError.unsupportedValue(option: "uid=\(text)")) { try MountOptions(parsing: "uid=\(text)") }
  }

  @Test func `the umask is octal`() throws {
    #expect(try ["22", "022", "0o22"].map { try MountOptions(parsing: "umask=\($0)").umask } == [18, 18, 18])
    #expect(throws: MountError.unsupportedValue(option: "umask=9")) { try MountOptions(parsing: "umask=9") }
  }

  @Test func `the cache's size is a count of bytes`() throws {
    let sizes = ["4096", "64K", "64m", "2G", "128MB", "0"]
    #expect(
      try sizes.map { try MountOptions(parsing: "cache_size=\($0)").cacheSize } == [
        4096, 65536, 64 << 20, 2 << 30, 128 << 20, 0,
      ])
    for size in ["", "-1", "x", "1T5", "99999999999999999999", "9999999999G"] {
      #expect(throws: MountError.unsupportedValue(option: "cache_size=\(size)")) {
        try MountOptions(parsing: "cache_size=\(size)")
      }
    }
    #expect(try MountOptions(parsing: "cache_size=1").passedOn == always)
  }

  @Test func `caches follow the memory`() {
    #expect([64, 512, 2048, 65536].map { DataCacheSize.usual(memory: $0 << 20) >> 20 } == [24, 64, 256, 512])
    #expect(
      [64, 512, 2048, 65536].map { DataCacheSize.metadata(memory: $0 << 20).decoded >> 20 } == [16, 64, 256, 256])
    #expect([64, 256, 2048, 65536].map { DataCacheSize.metadata(memory: $0 << 20).stored >> 20 } == [4, 8, 16, 16])
  }

  @Test(arguments: ["allow_other", "allow_root"]) func `other users need the system's leave`(option: String) throws {
    let options = try MountOptions(parsing: "uid=1,\(option)")
    func check(_ settings: String?, uid: UInt32 = 1000) throws(MountError) {
      try options.checkOtherUsers(uid: uid) { $0 == "/etc/fuse.conf" ? settings.map { Array($0.utf8) } : nil }
    }
    for settings in ["", "#user_allow_other\n", "mount_max = 10\n", "user_allow_other2"] {
      #expect(throws: MountError.otherUsersRefused(option: option)) { try check(settings) }
      try check(settings, uid: 0)
    }
    // Nobody knows what is in a file that cannot be read.
    try check(nil)
    try check("# Settings\n  user_allow_other  \n")
    try MountOptions(parsing: "uid=1").checkOtherUsers(uid: 1000) { _ in [] }
  }
}
