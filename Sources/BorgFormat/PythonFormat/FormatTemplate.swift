/// A Python format string taken apart: `{name:spec}` fields in text where `{{` and `}}` are braces.
public struct FormatTemplate: Sendable, Equatable {
  public enum Piece: Sendable, Equatable {
    case literal([UInt8])
    /// `conversion` is the character after `!`. A spec may hold fields of its own.
    case field(name: [UInt8], conversion: UInt8?, spec: [UInt8])
  }

  public let pieces: [Piece]

  /// Throws `FormatError` in the words of Python's ValueError.
  public init(parsing text: [UInt8]) throws {
    var parser = FormatTemplateParser(text)
    pieces = try parser.pieces()
  }

  /// The text with each field as `expand` gives it. Fields in specs are expanded too, one level deep as in Python.
  public func text(_ expand: (_ name: [UInt8], _ spec: [UInt8]) throws -> [UInt8]) throws -> [UInt8] {
    try text(depth: 0, expand)
  }

  private func text(depth: Int, _ expand: ([UInt8], [UInt8]) throws -> [UInt8]) throws -> [UInt8] {
    guard depth < 2 else { throw FormatError("Max string recursion exceeded") }
    var text: [UInt8] = []
    for piece in pieces {
      switch piece {
      case .literal(let literal): text += literal
      case .field(let name, _, let spec):
        guard spec.contains(UInt8(ascii: "{")) else {
          text += try expand(name, spec)
          continue
        }
        text += try expand(name, try FormatTemplate(parsing: spec).text(depth: depth + 1, expand))
      }
    }
    return text
  }
}

/// Finds the pieces of a format string.
private struct FormatTemplateParser {
  private let text: [UInt8]
  private var index = 0

  init(_ text: [UInt8]) {
    self.text = text
  }

  mutating func pieces() throws -> [FormatTemplate.Piece] {
    var pieces: [FormatTemplate.Piece] = []
    var literal: [UInt8] = []
    while let byte = take() {
      guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") else {
        literal.append(byte)
        continue
      }
      if peek == byte {
        index += 1
        literal.append(byte)
        continue
      }
      guard byte == UInt8(ascii: "{") else { throw FormatError("Single '}' encountered in format string") }
      guard peek != nil else { throw FormatError("Single '{' encountered in format string") }
      if !literal.isEmpty { pieces.append(.literal(literal)) }
      literal = []
      pieces.append(try field())
    }
    if !literal.isEmpty { pieces.append(.literal(literal)) }
    return pieces
  }

  private mutating func field() throws -> FormatTemplate.Piece {
    let (name, end) = try fieldName()
    guard end != UInt8(ascii: "}") else { return .field(name: name, conversion: nil, spec: []) }
    var conversion: UInt8?
    if end == UInt8(ascii: "!") {
      guard let letter = take() else { throw FormatError("end of string while looking for conversion specifier") }
      conversion = letter
      let next = take()
      if next == UInt8(ascii: "}") { return .field(name: name, conversion: letter, spec: []) }
      guard next == UInt8(ascii: ":") else { throw FormatError("expected ':' after conversion specifier") }
    }
    return .field(name: name, conversion: conversion, spec: try spec())
  }

  /// The name and the character that ends it.
  private mutating func fieldName() throws -> (name: [UInt8], end: UInt8) {
    let start = index
    while let byte = take() {
      switch byte {
      case UInt8(ascii: "{"): throw FormatError("unexpected '{' in field name")
      case UInt8(ascii: "["): while let next = peek, next != UInt8(ascii: "]") { index += 1 }
      case UInt8(ascii: "}"), UInt8(ascii: ":"), UInt8(ascii: "!"): return (Array(text[start..<index - 1]), byte)
      default: break
      }
    }
    throw FormatError("expected '}' before end of string")
  }

  private mutating func spec() throws -> [UInt8] {
    let start = index
    var depth = 1
    while let byte = take() {
      if byte == UInt8(ascii: "{") { depth += 1 }
      if byte == UInt8(ascii: "}") { depth -= 1 }
      if depth == 0 { return Array(text[start..<index - 1]) }
    }
    throw FormatError("unmatched '{' in format spec")
  }

  private var peek: UInt8? { index < text.count ? text[index] : nil }

  private mutating func take() -> UInt8? {
    defer { index += 1 }
    return peek
  }
}
