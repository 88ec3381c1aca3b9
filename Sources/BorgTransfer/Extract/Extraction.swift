import BorgArchive
import BorgSystem

/// One run of `extract`: an archive's items into live files below the current directory (archives.md section 7).
public final class Extraction {
  public init(_ archive: Archive, _ options: ExtractOptions, interruption: Interruption = Interruption()) {
    fatalError("contract: BorgTransfer extract")
  }

  /// Problems with single items, and include paths that never matched, become warnings on the monitor. Throws for a
  /// missing or damaged chunk, an absolute path, and after a requested stop. Call once.
  public func run() throws {
    fatalError("contract: BorgTransfer extract")
  }
}
