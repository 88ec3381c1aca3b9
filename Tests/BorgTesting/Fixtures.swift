import BorgFormat
import BorgSystem

/// Files that tests read: `Tests/Fixtures`, found from where this source file lies.
public enum Fixtures {
  public static var directory: String {
    let here = #filePath
    guard let end = here.range(of: "/BorgTesting/") else { return "Tests/Fixtures" }
    return here[..<end.lowerBound] + "/Fixtures"
  }

  public static func bytes(_ name: String) throws -> [UInt8] {
    try Files.read(Array("\(directory)/\(name)".utf8))
  }

  /// What real Borg clients sent (`requests`) and real servers answered (`responses`), one msgpack value a file.
  public static func frames(_ kind: String) throws -> [[UInt8]] {
    let names = try Files.names(in: Array("\(directory)/frames/\(kind)".utf8))
    return try names.map { String(decoding: $0, as: UTF8.self) }.sorted().map { try bytes("frames/\(kind)/\($0)") }
  }

  /// A file of test vectors: `vectors("items")` is `Fixtures/vectors/items.json`.
  public static func vectors(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: String(decoding: bytes("vectors/\(name).json"), as: UTF8.self))
  }
}

extension StringProtocol {
  fileprivate func range(of needle: String) -> Range<Index>? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(needle) { return index..<self.index(index, offsetBy: needle.count) }
      formIndex(after: &index)
    }
    return nil
  }
}
