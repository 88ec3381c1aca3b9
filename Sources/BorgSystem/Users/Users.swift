import Glibc
import Synchronization

/// Names of users and groups and back, remembered: archives ask for the same few again and again.
public final class Users: Sendable {
  public init() {}
  /// Nil when the id has no name.
  public func userName(_ uid: uid_t) -> [UInt8]? { fatalError("contract: BorgSystem") }
  public func groupName(_ gid: gid_t) -> [UInt8]? { fatalError("contract: BorgSystem") }
  public func userID(_ name: [UInt8]) -> uid_t? { fatalError("contract: BorgSystem") }
  public func groupID(_ name: [UInt8]) -> gid_t? { fatalError("contract: BorgSystem") }
}
