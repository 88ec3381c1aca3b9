import BorgArchive
import BorgFormat
import BorgSystem
import Glibc

/// Which metadata `create` stores.
struct MetadataSelection {
  var numericIDs = false
  var atime = false
  var ctime = true
  var flags = true
  var xattrs = true
  var acls = true
}

/// Fills items with the metadata of live files (archives.md section 6). Not for two threads.
final class MetadataCapture {
  let selection: MetadataSelection
  private let users: Users
  private let attributes: ExtendedAttributeReader
  private var lastUser: (id: UInt32, name: [UInt8]?)?
  private var lastGroup: (id: UInt32, name: [UInt8]?)?

  init(_ selection: MetadataSelection, context: SessionContext) {
    self.selection = selection
    users = context.users
    attributes = ExtendedAttributeReader(monitor: context.monitor)
  }

  /// Mode, owner and times: what is known before the content is read.
  func captureSimple(_ status: FileStatus, into item: inout Item) {
    item.mode = status.mode
    item.uid = Int64(status.uid)
    item.gid = Int64(status.gid)
    item.mtime = clampedItemTime(status.mtime)
    if selection.atime { item.atime = clampedItemTime(status.atime) }
    if selection.ctime { item.ctime = clampedItemTime(status.ctime) }
    guard !selection.numericIDs else { return }
    item.user = userName(status.uid)
    item.group = groupName(status.gid)
  }

  /// Flags, extended attributes and ACLs. `descriptor` nil: those of a link or device by `handle`, which have no flags.
  /// `hasNoAttributes`: somebody has looked for attributes and ACLs already.
  func captureExtended(
    _ status: FileStatus, descriptor: Int32?, handle: @autoclosure () -> FileHandle, hasNoAttributes: Bool = false,
    into item: inout Item
  ) throws(BackupProblem) {
    if selection.flags, let descriptor, Self.hasFlags(status.type) {
      let flags = status.flags ?? FileFlags.read(descriptor)
      if flags != 0 { item.bsdflags = flags }
    }
    guard selection.xattrs || selection.acls, !hasNoAttributes else { return }
    let handle = descriptor.map { FileHandle.descriptor($0) } ?? handle()
    let found = try attributes.read(handle, wantsValues: selection.xattrs)
    item.xattrs = found.attributes
    if selection.acls, found.hasACL, status.type != FileType.symbolicLink {
      captureACL(status, handle, into: &item)
    }
  }

  private static func hasFlags(_ type: UInt32) -> Bool {
    type != FileType.symbolicLink && type != FileType.blockDevice && type != FileType.characterDevice
  }

  /// Both ACLs of an object that has one which says more than the mode: an absent access ACL is the mode's own, an
  /// absent default ACL of a directory is empty text.
  private func captureACL(_ status: FileStatus, _ handle: FileHandle, into item: inout Item) {
    let access = attributes.value(of: ExtendedAttribute.accessList, in: handle)
    let byDefault =
      status.type == FileType.directory
      ? attributes.value(of: ExtendedAttribute.defaultList, in: handle) : nil
    let accessList = access.flatMap { AccessControlList(kernelForm: $0) } ?? AccessControlList(mode: status.mode)
    let defaultList = byDefault.flatMap { AccessControlList(kernelForm: $0) }
    guard accessList.isExtended || !(defaultList?.entries.isEmpty ?? true) else { return }
    item.aclAccess = accessList.text(users: users, numericIDs: selection.numericIDs)
    guard status.type == FileType.directory else { return }
    item.aclDefault = defaultList?.text(users: users, numericIDs: selection.numericIDs) ?? []
  }

  private func userName(_ id: UInt32) -> [UInt8]? {
    if let last = lastUser, last.id == id { return last.name }
    let name = users.userName(id)
    lastUser = (id, name)
    return name
  }

  private func groupName(_ id: UInt32) -> [UInt8]? {
    if let last = lastGroup, last.id == id { return last.name }
    let name = users.groupName(id)
    lastGroup = (id, name)
    return name
  }
}
