import BorgSystem

/// Puts one yes/no question to the user or to the environment variable that answers for him (cli.md section 5).
struct Questioner {
  /// What is said, by the names that JSON gives them.
  enum Kind: String {
    case prompt
    case promptRetry = "prompt_retry"
    case environmentAnswer = "env_answer"
    case acceptedTrue = "accepted_true"
    case acceptedFalse = "accepted_false"
    case invalidAnswer = "invalid_answer"

    /// Prompts are not followed by a newline: the answer is typed behind them.
    var isPrompt: Bool { self == .prompt || self == .promptRetry }
  }

  private static let yesWords = ["Yes", "YES", "yes", "Y", "y", "1"]
  private static let noWords = ["No", "NO", "no", "N", "n", "0"]
  private static let defaultWords = ["Default", "DEFAULT", "default", "D", "d", ""]

  let question: Question
  let environment: Environment
  /// Says a text; with the name of the variable for `environmentAnswer`.
  let say: (Kind, String, String?) -> Void

  /// No without an answer (end of input), with a default word, and, unless the question is repeated, with anything
  /// that is no answer.
  func answer() -> Bool {
    say(.prompt, question.text, nil)
    var variable = question.environmentVariable
    while true {
      let word = answerWord(variable)
      if Questioner.defaultWords.contains(word) { return false }
      if (question.yesWords ?? Questioner.yesWords).contains(word) {
        if let text = question.trueMessage { say(.acceptedTrue, text, nil) }
        return true
      }
      if Questioner.noWords.contains(word) {
        if let text = question.falseMessage { say(.acceptedFalse, text, nil) }
        return false
      }
      if let text = question.invalidMessage { say(.invalidAnswer, text, nil) }
      guard question.retries else { return false }
      if let text = question.retryMessage { say(.promptRetry, text, nil) }
      variable = nil
    }
  }

  private func answerWord(_ variable: String?) -> String {
    if let variable, let answer = environment[variable] {
      say(.environmentAnswer, "\(answer) (from \(variable))", variable)
      return answer
    }
    return Terminal.readLine() ?? Questioner.noWords[0]
  }
}
