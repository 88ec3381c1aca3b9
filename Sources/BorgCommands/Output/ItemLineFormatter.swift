import BorgFormat
import BorgObjects
import BorgSystem

/// Items to text, by a `--format` that is compiled once. Not for two threads.
final class ItemLineFormatter {
  private enum Piece {
    case literal([UInt8])
    case text(ItemField, FieldSpec)
    case quoted(ItemField, FieldSpec)
    case integer(ItemField, FieldSpec)
    /// A name is text, an id in place of one a number.
    case owner(ItemField, name: FieldSpec, id: FieldSpec)
    case time(ItemField, TimeFormat)
    case hash(String, FieldSpec)
  }

  private let pieces: [Piece]
  private let values: ItemValues
  private var scratch: [UInt8] = []

  /// Throws `ArchiveError.plain` when `format` is none.
  init(_ format: FormatString, values: ItemValues) throws {
    pieces = try format.parts.map(ItemLineFormatter.piece)
    self.values = values
  }

  /// Throws what reading content throws, when the format has hashes.
  func append(_ item: Item, to output: inout [UInt8]) throws {
    for piece in pieces {
      switch piece {
      case .literal(let bytes): output += bytes
      case .text(let field, let spec): append(field, of: item, spec, to: &output)
      case .quoted(let field, let spec): appendQuoted(field, of: item, spec, to: &output)
      case .integer(let field, let spec): spec.append(integer: values.integer(field, of: item), to: &output)
      case .owner(let field, let nameSpec, let idSpec):
        let (name, id) = values.owner(field, of: item)
        if let name {
          nameSpec.append(text: name, to: &output)
        } else {
          idSpec.append(integer: id, to: &output)
        }
      case .time(let field, let format):
        format.append(values.moment(field, of: item), &values.time, to: &output)
      case .hash(let name, let spec): spec.append(text: try values.hash(name, of: item), to: &output)
      }
    }
  }

  private static func piece(_ part: FormatString.Part) throws -> Piece {
    switch part {
    case .literal(let bytes): return .literal(bytes)
    case .field(let name, let spec, let conversion):
      if let aid = try FormatString.aid(name, spec) { return .literal(aid) }
      if StreamingDigest.names.contains(name) { return .hash(name, try FormatString.textSpec(spec)) }
      guard let field = ItemField(rawValue: name) else { throw FormatString.failure("unknown key '\(name)'") }
      return try piece(field, spec, conversion)
    }
  }

  private static func piece(
    _ field: ItemField, _ spec: String, _ conversion: FormatString.Conversion
  ) throws -> Piece {
    if conversion == .quoted { return .quoted(field, try FormatString.textSpec(spec)) }
    switch conversion == .text ? .text : field.kind {
    case .text: return .text(field, try FormatString.textSpec(spec))
    case .integer: return .integer(field, try FormatString.integerSpec(spec))
    case .time: return .time(field, TimeFormat(spec))
    case .owner:
      let nameSpec = try FormatString.textSpec(spec)
      return .owner(field, name: nameSpec, id: (try? FormatString.integerSpec(spec)) ?? nameSpec)
    }
  }
}

/// Keys that are texts, or are made texts by `!s`.
extension ItemLineFormatter {
  private func append(_ field: ItemField, of item: Item, _ spec: FieldSpec, to output: inout [UInt8]) {
    switch field {
    case .path: spec.append(text: item.path, to: &output)
    case .bpath: spec.append(raw: item.path, to: &output)
    case .source, .linktarget: spec.append(text: item.source ?? [], to: &output)
    case .extra where item.source?.isEmpty ?? true: spec.append(text: [], to: &output)
    case .mode where spec == .plain: item.appendMode(to: &output)
    default:
      scratch.removeAll(keepingCapacity: true)
      compose(field, of: item)
      spec.append(text: scratch, to: &output)
    }
  }

  /// Numbers stay numbers; everything else gets quotes.
  private func appendQuoted(_ field: ItemField, of item: Item, _ spec: FieldSpec, to output: inout [UInt8]) {
    var text: [UInt8] = []
    append(field, of: item, .plain, to: &text)
    if field.kind == .owner, values.owner(field, of: item).name == nil { return spec.append(text: text, to: &output) }
    if field.kind == .integer { return spec.append(text: text, to: &output) }
    spec.append(text: Array(PythonText.quoted(text).utf8), to: &output)
  }

  /// Texts that are put together first, in `scratch`.
  private func compose(_ field: ItemField, of item: Item) {
    switch field {
    case .type: scratch.append(Item.typeLetter(item.type))
    case .mode: item.appendMode(to: &scratch)
    case .extra:
      scratch.append(item.isSymbolicLink ? " -> " : " link to ")
      scratch += item.source ?? []
    case .health: scratch.append(item.chunksHealthy == nil ? "healthy" : "broken")
    case .archivename: scratch += values.archiveName
    case .archiveid: scratch += values.archiveID
    case .isomtime, .isoctime, .isoatime: LocalTime.append(iso: values.moment(field, of: item), to: &scratch)
    case .mtime, .ctime, .atime: values.time.append(values.moment(field, of: item), to: &scratch)
    case .user, .group:
      let (name, id) = values.owner(field, of: item)
      if let name { scratch += name } else { scratch.append(decimal: id) }
    default: scratch.append(decimal: values.integer(field, of: item))
    }
  }
}
