import BorgSystem
import Glibc

/// A folder that goes when its last holder does.
public final class TemporaryDirectory: Sendable {
  public let path: String

  public init() throws {
    var template = Array("/tmp/borgfs-test-XXXXXX".utf8CString)
    guard let made = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) else {
      throw SystemError.last()
    }
    path = String(cString: made)
  }

  deinit {
    try? Files.removeTree(Array(path.utf8))
  }

  public func path(_ name: String) -> [UInt8] { Array("\(path)/\(name)".utf8) }
}
