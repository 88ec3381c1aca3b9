import BorgTesting
import Testing

@testable import BorgSystem

@Suite struct EnvironmentTests {
  @Test func `a value may begin with a mark that joins what stands before it`() {
    let variable = Array("MARK=\u{301}x=y".utf8).withUnsafeBytes { Environment.variable($0) }
    #expect(variable?.name == "MARK" && variable?.value.utf8.elementsEqual("\u{301}x=y".utf8) == true)
    #expect(Array("MARK".utf8).withUnsafeBytes { Environment.variable($0) } == nil)
  }

  @Test func `the first directory variable that is set wins`() {
    func directories(_ variables: [String: String]) -> [String] {
      let environment = Environment(variables: variables)
      return [
        environment.configDirectory, environment.cacheDirectory, environment.keysDirectory,
        environment.securityDirectory,
      ]
    }
    #expect(
      directories(["BORG_BASE_DIR": "/b", "XDG_CACHE_HOME": "/x"]) == [
        "/b/.config/borg", "/b/.cache/borg", "/b/.config/borg/keys", "/b/.config/borg/security",
      ])
    #expect(
      directories(["HOME": "/h", "XDG_CACHE_HOME": "/x"]) == [
        "/h/.config/borg", "/x/borg", "/h/.config/borg/keys", "/h/.config/borg/security",
      ])
    #expect(
      directories(["BORG_CONFIG_DIR": "/c", "BORG_CACHE_DIR": "/a", "BORG_KEYS_DIR": "/k"]) == [
        "/c", "/a", "/k", "/c/security",
      ])
  }

  @Test func `a new cache directory gets its tag`() throws {
    let folder = try TemporaryDirectory()
    let environment = Environment(variables: ["BORG_CACHE_DIR": "\(folder.path)/x/borg"])
    let directory = try environment.ensureCacheDirectory()
    let tag = try Files.read(Array("\(directory)/CACHEDIR.TAG".utf8))
    #expect(tag.starts(with: Array("Signature: 8a477f597d28d172789f06886806bc55\n".utf8)))
  }

  @Test func `names come from their variables`() {
    let environment = Environment(variables: [
      "BORG_HOSTNAME": "h", "BORG_USERNAME": "u", "BORG_HOST_ID": "id@1",
    ])
    #expect(environment.hostname == "h")
    #expect(environment.username == "u")
    #expect(environment.hostID == "id@1")
  }
}
