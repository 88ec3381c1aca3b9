import BorgFormat
import BorgSystem
import BorgTesting
import CLZMA
import Glibc
import Testing

@testable import BorgObjects

@Suite struct PayloadTests {
  private let workspace = CodecWorkspace()
  private var encoder: PayloadEncoder { PayloadEncoder(workspace: workspace) }
  private var decoder: PayloadDecoder { PayloadDecoder(workspace: workspace) }

  @Test func `Borg's payloads decode, with and without a size hint`() throws {
    let vectors = try Fixtures.vectors("compression")
    for vector in vectors.values("payloads") + vectors.values("obfuscate") {
      let data = Inputs.named(vector.get("data").text)
      let payload = vector.get("payload").hex
      for hint in [nil, data.count, 1, 100_000] {
        let plain = try payload.withUnsafeBytes { try decoder.plain($0, PayloadDecoder.Sizes(hint: hint)) }
        #expect(plain == data, "\(vector.get("spec").text) \(vector.get("data").text) hint \(hint ?? -1)")
      }
    }
  }

  @Test func `no more is decoded than is expected at most`() throws {
    let vectors = try Fixtures.vectors("compression")
    for vector in vectors.values("payloads") + vectors.values("obfuscate") {
      let data = Inputs.named(vector.get("data").text)
      let payload = vector.get("payload").hex
      for hint in [nil, data.count, 1] {
        func plain(atMost maximum: Int) throws -> [UInt8] {
          try payload.withUnsafeBytes {
            try decoder.plain($0, PayloadDecoder.Sizes(hint: hint, maximum: maximum))
          }
        }
        #expect(try plain(atMost: data.count) == data)
        if !data.isEmpty { #expect(throws: DecompressionError.self) { try plain(atMost: data.count - 1) } }
      }
    }
  }

  @Test func `payloads choose the method that Borg chooses`() throws {
    for vector in try Fixtures.vectors("compression").values("payloads") {
      let data = Inputs.named(vector.get("data").text)
      let mine = try encode(data, vector.get("spec").text)
      let theirs = vector.get("payload").hex
      #expect(method(mine) == method(theirs), "\(vector.get("spec").text) \(vector.get("data").text)")
      #expect(try decode(mine) == data)
    }
  }

  @Test(arguments: ["none", "lz4", "zlib,1", "zlib,0", "lzma,1", "zstd,3", "zstd,19", "auto,zstd,7", "auto,auto,zlib"])
  func `what is encoded decodes, at every size`(spec: String) throws {
    for count in [0, 1, 2, 3, 100, 4096, 70_000] {
      for data in [
        Inputs.counted("noise", count), [UInt8](repeating: 7, count: count),
        Inputs.counted("half", count / 2) + [UInt8](repeating: 0, count: count - count / 2),
      ] {
        #expect(try decode(encode(data, spec)) == data, "\(spec) \(count)")
      }
    }
  }

  @Test(arguments: ["obfuscate,2,zstd", "obfuscate,110,auto,lz4", "obfuscate,250,obfuscate,1,none"])
  func `obfuscated payloads keep their content`(spec: String) throws {
    let data = Inputs.named("text1800")
    let payload = try encode(data, spec)
    #expect(Array(payload.prefix(2)) == [4, 0])
    #expect(try decode(payload) == data)
  }

  @Test func `what no method claims and what is corrupt fails in Borg's words`() throws {
    for vector in try Fixtures.vectors("compression").values("undecodable") {
      let payload = vector.get("payload").hex
      let result = vector.get("result").text
      #expect("\(vector.get("case").text)") { try decode(payload) } throws: { error in
        if result.hasPrefix("ValueError") { return error is PayloadDecoder.UnknownMethod }
        return error is DecompressionError && "DecompressionError: \(error)" == result
      }
    }
  }

  @Test func `announced sizes that the bytes cannot hold are refused`() throws {
    // A zstd frame with an eight-byte content size of 2^40 and one raw block of no bytes.
    let frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 0x01, 0, 0]
    #expect(throws: DecompressionError.self) { try decode([3, 0] + frame) }
    let honest = try encode([UInt8](repeating: 0, count: 8 << 20), "zstd")
    #expect(try decode(honest).count == 8 << 20)
  }

  @Test func `bombs stop at the limit`() throws {
    let zeros = [UInt8](repeating: 0, count: PayloadDecoder.maximumSize + 1)
    for spec in ["lz4", "zlib,1", "zstd,1", "lzma,0"] {
      let payload = try encode(zeros, spec)
      #expect(throws: DecompressionError.self) { try decode(payload) }
    }
  }

  @Test func `damaged payloads throw and never trap`() throws {
    var random = SplitMix(state: 11)
    for spec in ["lz4", "zlib", "lzma", "zstd", "obfuscate,1,zstd"] {
      let payload = try encode(Inputs.named("half700") + Inputs.named("text1800"), spec)
      for _ in 0..<300 {
        var damaged = payload
        let index = Int.random(in: 0..<damaged.count, using: &random)
        damaged[index] ^= UInt8.random(in: 1...255, using: &random)
        if Bool.random(using: &random) { damaged.removeLast(Int.random(in: 0...damaged.count, using: &random)) }
        _ = try? decode(damaged)
      }
    }
  }

  @Test func `obfuscation nests only so deep`() throws {
    var payload: [UInt8] = [0, 0, 1, 2, 3]
    for _ in 0..<17 {
      payload = [4, 0] + withUnsafeBytes(of: UInt32(payload.count).bigEndian) { Array($0) } + payload
    }
    #expect(throws: DecompressionError.self) { try decode(payload) }
    let shallower = try decode(Array(payload.dropFirst(6)))
    #expect(shallower == [1, 2, 3])
  }

  private func encode(_ data: [UInt8], _ spec: String) throws -> [UInt8] {
    let compressor = try Compressor(parsing: spec)
    return data.withUnsafeBytes { encoder.payload(of: $0, with: compressor, reserving: 0) }
  }

  private func decode(_ payload: [UInt8]) throws -> [UInt8] {
    try payload.withUnsafeBytes { try decoder.plain($0, PayloadDecoder.Sizes()) }
  }

  private func method(_ payload: [UInt8]) -> String? {
    payload.withUnsafeBytes { Compressor.methodName(ofPayload: $0) }
  }

  /// Or a check with repair would delete what is in order.
  @Test func `want of memory is not taken for damage`() throws {
    var wanting = lzma_allocator()
    wanting.alloc = { _, _, _ in nil }
    wanting.free = { _, _ in }
    let lzma = try payload("lzma,1")
    #expect(throws: SystemError(code: ENOMEM)) {
      try withUnsafePointer(to: &wanting) { try decode(lzma, LZMA(allocator: $0).decompress) }
    }
    let zlib = try payload("zlib,6")
    #expect(throws: SystemError(code: ENOMEM)) {
      try decode(zlib, Zlib(allocate: { _, _, _ in nil }).decompress)
    }
    #expect(try decode(lzma, LZMA().decompress) == 100_000)
    #expect(try decode(zlib, Zlib().decompress) == 100_000)
  }

  /// What follows the method's bytes.
  private func payload(_ method: String) throws -> ArraySlice<UInt8> {
    let plain = [UInt8](repeating: 7, count: 100_000)
    let compressor = try Compressor(parsing: method)
    let payload = plain.withUnsafeBytes { encoder.payload(of: $0, with: compressor, reserving: 0) }
    return method.hasPrefix("lzma") ? payload.dropFirst(2) : payload[...]
  }

  private func decode(
    _ data: ArraySlice<UInt8>,
    _ decompress: (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) throws -> Int?
  ) throws -> Int? {
    var target = [UInt8](repeating: 0, count: 200_000)
    return try data.withUnsafeBytes { data in try target.withUnsafeMutableBytes { try decompress(data, $0) } }
  }
}
