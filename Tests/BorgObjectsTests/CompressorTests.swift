import BorgFormat
import BorgTesting
import Testing

@testable import BorgObjects

@Suite struct CompressorTests {
  @Test func `compression specs parse, and fail in Borg's words`() throws {
    for vector in try Fixtures.vectors("compression").values("spec_argument") {
      let argument = vector.get("arg").text
      if let error = vector["error"] {
        let text = error.text
        #expect("'\(argument)'") { try Compressor(parsing: argument) } throws: { thrown in
          guard let thrown = thrown as? CompressorSyntaxError else { return false }
          return text == "\(thrown.isInvalidValue ? "ValueError" : "ArgumentTypeError"): \(thrown)"
        }
      } else {
        try expect(Compressor(parsing: argument), is: vector.get("result"), argument)
      }
    }
  }

  @Test func `paddings are Borg's`() throws {
    let vectors = try Fixtures.vectors("compression")
    for pair in vectors.values("padme_padding").map(\.array) {
      #expect(Obfuscation.padme(pair[0].int) == pair[1].int)
    }
    let limit = ChunkerParameters.maximumDataSize - 1024
    for row in vectors.values("obfuscate_1_to_6__level_size_r_added").map(\.array) {
      let padding = Obfuscation.padding(spec: row[0].int, count: row[1].int, random: row[2].double)
      #expect(padding == min(row[3].int, limit - row[1].int), "\(row)")
    }
    for row in vectors.values("obfuscate_110_to_123__level_r_added").map(\.array) {
      #expect(Obfuscation.padding(spec: row[0].int, count: 10, random: row[1].double) == row[2].int, "\(row)")
    }
    #expect(Obfuscation.padding(spec: 123, count: limit + 1, random: 0.5) == 0)
  }

  private func expect(_ compressor: Compressor, is result: JSONValue, _ argument: String) {
    let level: Int?
    let inner: Compressor?
    let name: String
    switch compressor {
    case .none: (name, level, inner) = ("none", nil, nil)
    case .lz4: (name, level, inner) = ("lz4", nil, nil)
    case .zlib(let value): (name, level, inner) = ("zlib", Int(value), nil)
    case .lzma(let value): (name, level, inner) = ("lzma", Int(value), nil)
    case .zstd(let value): (name, level, inner) = ("zstd", Int(value), nil)
    case .auto(let value): (name, level, inner) = ("auto", nil, value)
    case .obfuscate(let spec, let value): (name, level, inner) = ("obfuscate", spec, value)
    }
    #expect(name == result.get("name").text, "\(argument)")
    if let wanted = result["level"] { #expect(level == wanted.int, "\(argument)") }
    if let wanted = result["inner"] {
      if let inner { expect(inner, is: wanted, argument) } else { Issue.record("no inner: \(argument)") }
    }
  }
}
