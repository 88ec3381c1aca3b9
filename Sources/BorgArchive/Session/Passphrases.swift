import BorgFormat
import BorgSystem

/// Where passphrases come from (keys.md section 7): the environment first, the user's terminal last.
struct Passphrases {
  let context: SessionContext

  private var environment: Environment { context.environment }

  /// The passphrase of the first source that is set: BORG_PASSPHRASE, BORG_PASSCOMMAND, BORG_PASSPHRASE_FD.
  func fromEnvironment() throws -> [UInt8]? {
    if let passphrase = environment["BORG_PASSPHRASE"] { return Array(passphrase.utf8) }
    if let command = environment["BORG_PASSCOMMAND"] { return try output(of: command) }
    if let descriptor = environment["BORG_PASSPHRASE_FD"].flatMap(Passphrases.number) {
      return Passphrases.withoutFinalNewlines(try File(descriptor: descriptor, path: []).readAll(limit: 1 << 20))
    }
    return nil
  }

  /// Asks once. Throws `ArchiveError.noPassphrase` at the end of input.
  func ask(_ prompt: String) throws -> [UInt8] {
    if let passphrase = try context.terminal.readPassphrase(prompt) { return passphrase }
    context.terminal.show("")
    let sources = ["BORG_PASSPHRASE", "BORG_PASSCOMMAND"].map { name in
      "\(name) is \(environment[name] == nil ? "not set" : "set")."
    }
    throw ArchiveError.noPassphrase(sources.joined(separator: " ") + " Interactive password query failed.")
  }

  /// A passphrase for a new key: BORG_NEW_PASSPHRASE, the usual sources, or a dialogue of up to ten rounds.
  func new() throws -> [UInt8] {
    if let passphrase = environment["BORG_NEW_PASSPHRASE"] { return Array(passphrase.utf8) }
    if let passphrase = try fromEnvironment() { return passphrase }
    for _ in 1...10 {
      let passphrase = try ask("Enter new passphrase: ")
      if try ask("Enter same passphrase again: ") == passphrase {
        offerVerification(passphrase)
        context.monitor.info(
          "Remember your passphrase. Your data will be inaccessible without it.", logger: "borg.crypto.key")
        return passphrase
      }
      context.terminal.show("Passphrases do not match")
    }
    throw ArchiveError.passwordRetriesExceeded
  }

  private func offerVerification(_ passphrase: [UInt8]) {
    let text = "Do you want your passphrase to be displayed for verification? [yN]: "
    let question = Question(
      text: text, environmentVariable: "BORG_DISPLAY_PASSPHRASE", invalidMessage: "Invalid answer, try again.",
      retries: true, retryMessage: text)
    guard context.monitor.ask(question) else { return }
    context.terminal.show(
      "Your passphrase (between double-quotes): \"\(String(decoding: passphrase, as: UTF8.self))\"")
    context.terminal.show("Make sure the passphrase displayed above is exactly what you wanted.")
    guard passphrase.contains(where: { $0 >= 0x80 }) else { return }
    context.terminal.show("Your passphrase (UTF-8 encoding in hex): \(Hex.encode(passphrase))")
    context.terminal.show(
      "As you have a non-ASCII passphrase, it is recommended to keep the UTF-8 encoding in hex together with the "
        + "passphrase at a safe place.")
  }

  private func output(of command: String) throws -> [UInt8] {
    guard let words = shellWords(command) else { throw ArchiveError.passcommandFailure("No closing quotation") }
    let result: (status: Int32, output: [UInt8])
    do {
      result = try ChildProcess.output(words, environment: environment)
    } catch let error as SystemError {
      throw ArchiveError.passcommandFailure(error.description)
    }
    guard result.status == 0 else {
      let end =
        result.status < 0
        ? "died with \(PythonText.signal(-result.status))." : "returned non-zero exit status \(result.status)."
      throw ArchiveError.passcommandFailure("Command '\(PythonText.list(words))' \(end)")
    }
    return Passphrases.withoutFinalNewlines(result.output)
  }

  /// An integer as Python's int() takes it, spaces around it included.
  private static func number(_ text: String) -> Int32? {
    let digits = text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()
    return Int32(String(digits))
  }

  /// Text mode's view of the bytes: every kind of line end is one newline; those at the end go.
  private static func withoutFinalNewlines(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count)
    for (index, byte) in bytes.enumerated() {
      if byte == 0x0a, index > 0, bytes[index - 1] == 0x0d { continue }
      text.append(byte == 0x0d ? 0x0a : byte)
    }
    while text.last == 0x0a { text.removeLast() }
    return text
  }
}
