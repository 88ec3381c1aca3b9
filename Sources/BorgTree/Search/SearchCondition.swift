/// Which items are searched for. Asked from the coarse to the dear, of an item and its name in either order; all of it
/// must hold.
public protocol SearchCondition: AnyObject {
  /// What is asked about from now on is in this part of what is searched.
  func enter(part: UInt32)
  /// Whether anything that lies directly in a directory may be meant. `path` is as stored, empty for an archive's root.
  /// Asked once for each block that holds something in the directory, or once for many.
  func admits(directory path: UnsafeRawBufferPointer) -> Bool
  /// Whether what is called this may be meant, in whatever directory. `name` is a path's last element.
  func admits(name: UnsafeRawBufferPointer) -> Bool
  /// Whether the item is meant as far as neither its name nor its path matters.
  func admits(_ item: SearchedItem) -> Bool
  /// Whether an item that is admitted is meant, now that its whole path is known. Of items with one path and mode one may
  /// be asked about for all.
  func admits(_ item: SearchedItem, at path: UnsafeRawBufferPointer) -> Bool
}

extension SearchCondition {
  public func enter(part: UInt32) {}
  public func admits(name: UnsafeRawBufferPointer) -> Bool { true }
}

/// An item as a search sees it; `name` is only valid during the call that hands it over.
public struct SearchedItem {
  /// The path's last element.
  public var name: UnsafeRawBufferPointer
  public var mode: UInt32
  /// Nil: it cannot be told yet. What is found is asked about again when it can.
  public var size: Int64?
  /// In nanoseconds since 1970.
  public var mtime: Int64
}

extension SearchedItem {
  init(
    _ content: SightedContent, name: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    knowsSize: Bool = true
  ) {
    self.init(name: name, mode: content.mode, size: knowsSize ? content.size : nil, mtime: content.mtime)
  }
}
