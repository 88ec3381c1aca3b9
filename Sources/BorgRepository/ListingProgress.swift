import BorgFormat

/// How far ids have been listed, page by page. A server can answer for ever: one that goes round in circles is left.
public struct ListingProgress: Sendable {
  /// The last id of the last page; nil: there was none.
  public private(set) var marker: ChunkID?
  /// The last id of an earlier page, of ever later ones: in a circle it comes again.
  private var earlier: ChunkID?
  private var pages = 0
  private var pagesToKeep = 1
  private let call: String

  /// `call`: what is asked again and again.
  public init(_ call: String = "list", after marker: ChunkID? = nil) {
    self.marker = marker
    self.call = call
  }

  /// Notes the last id of a page. Throws `RemoteError.repeatedList`.
  public mutating func advance(to last: ChunkID) throws {
    guard last != marker, last != earlier else { throw RemoteError.repeatedList(call) }
    marker = last
    pages += 1
    if pages == pagesToKeep { (earlier, pages, pagesToKeep) = (last, 0, pagesToKeep * 2) }
  }
}
