import BorgArchive
import BorgFormat
import BorgSystem
import BorgTree

/// What `find` has found, as text for people or as JSON lines.
struct FindingPrinter {
  enum Style { case lines, versions, short, json }

  private let style: Style
  /// By place among the archives searched: name and start in nanoseconds since 1970.
  private let archives: [(name: [UInt8], start: Int64)]
  private var time = LocalTime()

  init(_ style: Style, _ entries: [Manifest.Entry]) {
    self.style = style
    archives = entries.map { ($0.name, Timestamp.parseUTC(String(decoding: $0.time, as: UTF8.self)) ?? 0) }
  }

  mutating func append(_ finding: Finding, to output: inout [UInt8]) {
    switch style {
    case .short:
      output += finding.path
      output.append(0x0A)
    case .lines: appendLine(finding, to: &output)
    case .versions:
      appendLine(finding, to: &output)
      for version in finding.versions { appendLine(version, to: &output) }
    case .json: appendJSON(finding, to: &output)
    }
  }

  private func appendLine(_ finding: Finding, to output: inout [UInt8]) {
    let (versions, count) = (finding.versions.count, finding.archiveCount)
    output += "\(versions) version\(versions == 1 ? "" : "s") in \(count) archive\(count == 1 ? "" : "s"), ".utf8
    output += archives[finding.firstArchive].name
    if finding.lastArchive != finding.firstArchive {
      output += " ... ".utf8
      output += archives[finding.lastArchive].name
    }
    output += ": ".utf8
    output += finding.path
    output.append(0x0A)
  }

  private mutating func appendLine(_ version: Finding.Version, to output: inout [UInt8]) {
    let size = String(version.size)
    output += (String(repeating: " ", count: max(0, 14 - size.utf8.count)) + size + " ").utf8
    let moment = time.moment(itemTime: version.mtime)
    time.append(moment, to: &output)
    output += "  ".utf8
    output += archives[version.archives[0]].name
    if let last = version.archives.last, version.archives.count > 1 {
      output += " ... ".utf8
      output += archives[last].name
    }
    output.append(0x0A)
  }

  // MARK: JSON

  private mutating func appendJSON(_ finding: Finding, to output: inout [UInt8]) {
    let newest = finding.versions[finding.versions.count - 1]
    output += "{\"type\": \"".utf8
    output.append(Item.typeLetter(newest.mode & FileType.mask))
    output += "\", \"path\": ".utf8
    output.append(jsonString: finding.path)
    output += ", \"size\": \(newest.size), \"mtime\": ".utf8
    append(jsonTime: newest.mtime, to: &output)
    output += ", \"archives\": \(finding.archiveCount), \"first\": ".utf8
    append(archive: finding.firstArchive, to: &output)
    output += ", \"last\": ".utf8
    append(archive: finding.lastArchive, to: &output)
    output += ", \"versions\": [".utf8
    for (index, version) in finding.versions.enumerated() {
      if index > 0 { output += ", ".utf8 }
      appendJSON(version, to: &output)
    }
    output += "]}\n".utf8
  }

  private mutating func appendJSON(_ version: Finding.Version, to output: inout [UInt8]) {
    output += "{\"size\": \(version.size), \"mtime\": ".utf8
    append(jsonTime: version.mtime, to: &output)
    output += ", \"archives\": [".utf8
    for (index, archive) in version.archives.enumerated() {
      if index > 0 { output += ", ".utf8 }
      output.append(jsonString: archives[archive].name)
    }
    output += "]}".utf8
  }

  private mutating func append(archive: Int, to output: inout [UInt8]) {
    output += "{\"archive\": ".utf8
    output.append(jsonString: archives[archive].name)
    output += ", \"time\": \"".utf8
    LocalTime.append(iso: time.moment(archiveTime: archives[archive].start), to: &output)
    output += "\"}".utf8
  }

  private mutating func append(jsonTime nanoseconds: Int64, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    LocalTime.append(iso: time.moment(itemTime: nanoseconds), to: &output)
    output.append(UInt8(ascii: "\""))
  }
}
