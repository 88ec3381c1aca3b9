import BorgFormat
import CPCRE2
import Synchronization

/// A compiled `re:` pattern (1.8). Immutable and thread-safe.
///
/// Characters are matched as Python matches them: a byte of a path that is not UTF-8 is a character of its own. To
/// PCRE2, which has no such thing, pattern and path show it as a character of Unicode's last private plane.
final class RegularExpression: @unchecked Sendable {
  // A compiled PCRE2 pattern may be used by several threads at once; each match has its own working memory.

  /// Backtracking steps after which a match is given up.
  private static let stepLimit: UInt32 = 5_000_000
  private static let heapLimitInKibibytes: UInt32 = 64 * 1024

  private let code: OpaquePointer
  private let context: OpaquePointer
  private let hasGivenUp = Atomic(false)

  /// Compiles an expression written for Python. Throws `ArchiveError.plain` for one that is wrong or beyond us.
  init(python text: [UInt8]) throws {
    let (pattern, options) = try RegexTranslator.translate(UTF8Sequence.characters(text))
    var error: Int32 = 0
    var errorOffset = 0
    guard let code = pcre2_compile_8(pattern, pattern.count, options, &error, &errorOffset, nil) else {
      throw ArchiveError.plain(
        "invalid regular expression '\(displayText(text))': \(Self.message(error)) at position \(errorOffset)")
    }
    guard let context = pcre2_match_context_create_8(nil) else {
      pcre2_code_free_8(code)
      throw ArchiveError.plain("out of memory")
    }
    pcre2_set_match_limit_8(context, Self.stepLimit)
    pcre2_set_heap_limit_8(context, Self.heapLimitInKibibytes)
    // Without a compiler for this machine, matches are interpreted.
    _ = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE)
    self.code = code
    self.context = context
  }

  deinit {
    pcre2_match_context_free_8(context)
    pcre2_code_free_8(code)
  }

  /// Whether a match was given up.
  var gaveUp: Bool { hasGivenUp.load(ordering: .relaxed) }

  /// Whether the expression matches anywhere in `text`. When that takes too long it does not, and `gaveUp` tells.
  func matches(_ text: UnsafeRawBufferPointer) -> Bool {
    guard !RegexTranslator.isWellFormed(text) else { return search(text) }
    return RegexTranslator.encoded(UTF8Sequence.characters(Array(text))).withUnsafeBytes { search($0) }
  }

  private func search(_ text: UnsafeRawBufferPointer) -> Bool {
    guard let data = pcre2_match_data_create_8(1, nil) else { return giveUp() }
    defer { pcre2_match_data_free_8(data) }
    var empty: UInt8 = 0
    let result = withUnsafePointer(to: &empty) { empty in
      let start = text.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? empty
      let result = pcre2_match_8(code, start, text.count, 0, PCRE2_NO_UTF_CHECK, data, context)
      guard result == PCRE2_ERROR_JIT_STACKLIMIT else { return result }
      return pcre2_match_8(code, start, text.count, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, context)
    }
    if result >= 0 { return true }
    return result == PCRE2_ERROR_NOMATCH ? false : giveUp()
  }

  private func giveUp() -> Bool {
    hasGivenUp.store(true, ordering: .relaxed)
    return false
  }

  private static func message(_ error: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 256)
    let count = pcre2_get_error_message_8(error, &text, text.count)
    return count > 0 ? String(decoding: text[..<Int(count)], as: UTF8.self) : "error \(error)"
  }
}
