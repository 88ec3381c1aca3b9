import BorgFormat
import Testing

@testable import BorgObjects

@Suite struct RecordCipherTests {
  private let key: Key
  private let salt = [UInt8](repeating: 9, count: 32)
  private let text = Array("a name that nobody may read".utf8)

  init() throws { key = try Key.generate(type: .repokey, repositoryID: .manifest) }

  @Test func `a record opens in its context, whoever sealed it`() throws {
    let sealed = try #require(RecordCipher(key, salt: salt).seal(text, context: [1, 2]))
    #expect(sealed.count == text.count + RecordCipher.overhead)
    let other = RecordCipher(key, salt: salt)
    #expect(other.open(sealed, context: [1, 2]) == text)
    #expect(other.open(sealed, context: [1, 3]) == nil)
    #expect(other.name(of: [1, 2]) == RecordCipher(key, salt: salt).name(of: [1, 2]))
    #expect(other.name(of: [1, 2]) != other.name(of: [1, 3]) && other.name(of: []).count == 40)
    #expect(try #require(other.seal([], context: [])).count == RecordCipher.overhead)
    #expect(other.open(try #require(other.seal([], context: [])), context: []) == [])
  }

  @Test func `neither another key nor another salt opens it`() throws {
    let sealed = try #require(RecordCipher(key, salt: salt).seal(text, context: []))
    #expect(RecordCipher(key, salt: [1]).open(sealed, context: []) == nil)
    let other = try Key.generate(type: .repokey, repositoryID: .manifest)
    #expect(RecordCipher(other, salt: salt).open(sealed, context: []) == nil)
    #expect(RecordCipher(other, salt: salt).hashKey != RecordCipher(key, salt: salt).hashKey)
  }

  @Test func `every changed byte is noticed`() throws {
    let cipher = RecordCipher(key, salt: salt)
    let sealed = try #require(cipher.seal(text, context: [7]))
    for index in sealed.indices {
      var broken = sealed
      broken[index] ^= 0x10
      #expect(cipher.open(broken, context: [7]) == nil)
    }
    for length in 0..<sealed.count { #expect(cipher.open(Array(sealed[..<length]), context: [7]) == nil) }
  }

  @Test func `without secrets records are sealed all the same`() throws {
    let plain = try Key(type: .plaintext, secrets: nil, tamRequired: false)
    let sealed = try #require(RecordCipher(plain, salt: salt).seal(text, context: []))
    #expect(RecordCipher(plain, salt: salt).open(sealed, context: []) == text)
    #expect(RecordCipher(plain, salt: [1]).open(sealed, context: []) == nil)
  }
}
