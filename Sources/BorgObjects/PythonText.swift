/// How Python reads numbers in option values.
enum PythonText {
  static func stripped(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }

  /// `int(text)`: white space around, a sign, digits with single underscores between them. Out of range: the nearest.
  static func integer(_ text: Substring) -> Int? {
    var digits = stripped(text)
    let isNegative = digits.first == "-"
    if isNegative || digits.first == "+" { digits.removeFirst() }
    var value = 0
    var afterDigit = false
    for character in digits.unicodeScalars {
      if character == "_" {
        guard afterDigit else { return nil }
        afterDigit = false
        continue
      }
      guard ("0"..."9").contains(character) else { return nil }
      value = appending(Int(character.value) - 48, to: value)
      afterDigit = true
    }
    guard afterDigit else { return nil }
    return isNegative ? -value : value
  }

  static func invalidInteger(_ text: Substring) -> String {
    "invalid literal for int() with base 10: '\(text)'"
  }

  private static func appending(_ digit: Int, to value: Int) -> Int {
    let (tens, tooLarge) = value.multipliedReportingOverflow(by: 10)
    let (sum, overflow) = tens.addingReportingOverflow(digit)
    return tooLarge || overflow ? Int.max : sum
  }
}
