/// Which kinds of extended attributes an item has, or the items of an archive. Two kinds have a name of their own: programs
/// ask every file for them, unless they are told that the file system has none.
public struct AttributeKinds: OptionSet, Sendable, BitwiseCopyable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `ExtendedAttribute.accessList` and `defaultList`.
  public static let accessControlList = AttributeKinds(rawValue: 1)
  /// `ExtendedAttribute.securityLabel`.
  public static let securityLabel = AttributeKinds(rawValue: 2)
  public static let other = AttributeKinds(rawValue: 4)

  /// The kind of an attribute that the kernel is asked for by this name.
  public init(name: UnsafeRawBufferPointer) {
    if name.elementsEqual(ExtendedAttribute.securityLabel) {
      self = .securityLabel
    } else if name.elementsEqual(ExtendedAttribute.accessList) || name.elementsEqual(ExtendedAttribute.defaultList) {
      self = .accessControlList
    } else {
      self = .other
    }
  }
}

extension Item {
  public var attributeKinds: AttributeKinds {
    var kinds: AttributeKinds = aclAccess != nil || aclDefault != nil ? .accessControlList : []
    for attribute in xattrs { kinds.formUnion(attribute.name.withUnsafeBytes { AttributeKinds(name: $0) }) }
    return kinds
  }
}
