import BorgFormat
import BorgSystem

/// How to go on after bytes that are no item.
enum MalformedItem {
  /// The length of the msgpack value that stands there in place of an item; nil when it ends beyond `bytes`. Throws
  /// `IntegrityError` when it is not even msgpack: then the rest of the stream is lost.
  static func length(_ bytes: UnsafeRawBufferPointer, archive: [UInt8]) throws -> Int? {
    var reader = MessagePackReader(bytes)
    do {
      try reader.skipValue()
      return reader.offset
    } catch MessagePackReader.Failure.truncated {
      return nil
    } catch {
      throw IntegrityError("Archive \(displayText(archive)): the item metadata is corrupted.")
    }
  }

  static func report(_ error: FormatError, archive: [UInt8], to monitor: any Monitor) {
    monitor.log(
      LogRecord(
        .error, logger: "borg.archive",
        "Archive \(displayText(archive)): skipping an item with bad metadata: \(error.description)", warningCode: 1))
  }
}
