/// Which items are searched for. Asked from the coarse to the dear; all of it must hold.
public protocol SearchCondition: AnyObject {
  /// What is asked about from now on is in this part of what is searched.
  func enter(part: UInt32)
  /// Whether anything that lies directly in a directory may be meant. `path` is as stored, empty for an archive's root.
  /// Asked once for each block that holds something in the directory.
  func admits(directory path: UnsafeRawBufferPointer) -> Bool
  /// Whether the item is meant as far as its path does not matter.
  func admits(_ item: SearchedItem) -> Bool
  /// Whether an item that is admitted is meant, now that its whole path is known.
  func admits(_ item: SearchedItem, at path: UnsafeRawBufferPointer) -> Bool
}

extension SearchCondition {
  public func enter(part: UInt32) {}
}

/// An item as a search sees it; `name` is only valid during the call that hands it over.
public struct SearchedItem {
  /// The path's last element.
  public var name: UnsafeRawBufferPointer
  public var mode: UInt32
  public var size: Int64
  /// In nanoseconds since 1970.
  public var mtime: Int64
}
