import BorgFormat
import BorgObjects

/// Items to JSON lines, for `list --json-lines` (json.md section 2.1): the format only says which keys there are beyond
/// the fixed ones. Not for two threads.
final class ItemJSONFormatter {
  private let names: Set<String>
  private let computed: [ItemField]
  private let hashes: [String]
  private let values: ItemValues

  /// Names that mean nothing are passed over, as in Borg.
  init(_ format: FormatString, values: ItemValues) {
    names = format.names
    computed = ItemField.computed.filter { [names] in names.contains($0.rawValue) }
    hashes = StreamingDigest.names.filter(names.contains)
    self.values = values
  }

  /// One line with its end. Throws what reading content throws, when the format has hashes.
  func append(_ item: Item, to output: inout [UInt8]) throws {
    output.append("{")
    appendArchive(to: &output)
    appendFixed(item, to: &output)
    for field in computed {
      Self.append(key: field.rawValue, to: &output)
      append(field, of: item, to: &output)
    }
    for name in hashes {
      Self.append(key: name, to: &output)
      output.append(jsonString: try values.hash(name, of: item))
    }
    output.append("}\n")
  }

  private func appendArchive(to output: inout [UInt8]) {
    if names.contains(ItemField.archivename.rawValue) {
      output.append("\"archivename\": ")
      output.append(jsonString: values.archiveName)
      output.append(", ")
    }
    if names.contains(ItemField.archiveid.rawValue) {
      output.append("\"archiveid\": ")
      output.append(jsonString: values.archiveID)
      output.append(", ")
    }
  }

  private func appendFixed(_ item: Item, to output: inout [UInt8]) {
    output.append("\"type\": \"")
    output.append(Item.typeLetter(item.type))
    output.append("\", \"mode\": \"")
    item.appendMode(to: &output)
    output.append("\", \"user\": ")
    append(owner: .user, of: item, to: &output)
    output.append(", \"group\": ")
    append(owner: .group, of: item, to: &output)
    output.append(", \"uid\": ")
    output.append(decimal: item.uid)
    output.append(", \"gid\": ")
    output.append(decimal: item.gid)
    output.append(", \"path\": ")
    output.append(jsonString: item.path)
    output.append(", \"healthy\": ")
    output.append(item.chunksHealthy == nil ? "true" : "false")
    output.append(", \"source\": ")
    output.append(jsonString: item.source ?? [])
    output.append(", \"linktarget\": ")
    output.append(jsonString: item.source ?? [])
    output.append(", \"flags\": ")
    output.append(decimal: values.integer(.flags, of: item))
  }

  private func append(owner field: ItemField, of item: Item, to output: inout [UInt8]) {
    let (name, id) = values.owner(field, of: item)
    if let name { output.append(jsonString: name) } else { output.append(decimal: id) }
  }

  private func append(_ field: ItemField, of item: Item, to output: inout [UInt8]) {
    guard field.kind != .integer else { return output.append(decimal: values.integer(field, of: item)) }
    output.append("\"")
    LocalTime.append(iso: values.moment(field, of: item), to: &output)
    output.append("\"")
  }

  private static func append(key: String, to output: inout [UInt8]) {
    output.append(", \"")
    output.append(contentsOf: key.utf8)
    output.append("\": ")
  }
}
