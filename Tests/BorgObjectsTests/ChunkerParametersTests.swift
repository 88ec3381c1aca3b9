import BorgFormat
import BorgTesting
import Testing

@testable import BorgObjects

@Suite struct ChunkerParametersTests {
  @Test func `chunker-params parse, and fail in Borg's words`() throws {
    for vector in try Fixtures.vectors("chunker").values("params_argument") {
      let argument = vector.get("arg").text
      if let error = vector["error"] {
        #expect("'\(argument)'") { try ChunkerParameters(parsing: argument) } throws: { "\($0)" == error.text }
      } else {
        #expect(try stored(ChunkerParameters(parsing: argument)) == vector.get("result"), "\(argument)")
      }
    }
  }

  @Test(arguments: ["buzhash,19,20,19,600001", "19,23,21,-1", "6,6,6,1"])
  func `windows that no chunk can hold are refused`(argument: String) {
    #expect(throws: ChunkerSyntaxError.self) { try ChunkerParameters(parsing: argument) }
  }

  @Test func `only Python's own conversion errors are marked as such`() {
    #expect { try ChunkerParameters(parsing: "fixed,x") } throws: {
      ($0 as? ChunkerSyntaxError)?.isInvalidValue == true
    }
    #expect { try ChunkerParameters(parsing: "fixed,1") } throws: {
      ($0 as? ChunkerSyntaxError)?.isInvalidValue == false
    }
  }

  @Test func `fixed blocks fall where Borg's do`() throws {
    for vector in try Fixtures.vectors("chunker").values("fixed") {
      let chunker = FixedChunker(
        .fixed(block: vector.get("block_size").int, header: vector.get("header_size").int))
      let count = Inputs.concatenated(vector.values("input")).count
      var sizes: [Int] = []
      var offset = 0
      while offset < count {
        sizes.append(min(chunker.length(at: offset), count - offset))
        offset += sizes.last ?? 0
      }
      #expect(sizes == vector.values("sizes").map(\.int))
    }
  }

  private func stored(_ parameters: ChunkerParameters) -> JSONValue {
    guard case .array(let values) = parameters.messagePack else { return .null }
    return .array(
      values.map { value in
        switch value {
        case .raw(let bytes): .string(String(decoding: bytes, as: UTF8.self))
        case .int(let number): .int(number)
        default: .null
        }
      })
  }
}
