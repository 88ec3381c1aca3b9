/// The completion script for zsh: a function that zsh loads by itself from its function path.
struct ZshCompletion {
  private let table: CompletionTable

  init(_ table: CompletionTable) {
    self.table = table
  }

  var script: String {
    """
    #compdef borg borgfs
    # Completions of borg and borgfs for zsh, made by: borg help --completion zsh

    # Archive names of a repository: nothing is asked, since there is no terminal.
    _borg_archives() {
      local repository=$1
      [[ $repository == '~/'* ]] && repository=$HOME/${repository#'~/'}
      setsid -w borg list --short --bypass-lock --lock-wait 0 "$repository" 2>/dev/null </dev/null
    }

    _borg_location() {
      if [[ $PREFIX == *::* ]]; then
        local repository=${PREFIX%%::*}
        local -a archives
        archives=(${(f)"$(_borg_archives "${${repository:-$BORG_REPO}//\\\\/}")"})
        compset -P 1 '*::'
        compadd -a archives
      else
        _files -/ -S ''
      fi
    }

    _borg_archive_name() {
      local word
      local -a archives
      for word in $words; do
        [[ $word == *::* || -d $word ]] || continue
        archives=(${(f)"$(_borg_archives "${word%%::*}")"})
        compadd -a archives
        return
      done
    }

    _borg_level() {
      local -a common
      common=(
    \(specifications(table.common))
      )
      case $1 in
    \(table.levels.map { branch($0, $0.name) }.joined())\
    \(branch(table.borgfs, "borgfs"))\
      esac
    }

    if [[ $service == borgfs ]]; then
      _borg_level borgfs
    else
      _borg_level ''
    fi

    """
  }

  private func branch(_ level: CompletionTable.Level, _ name: String) -> String {
    guard level.subcommands.isEmpty else { return group(level, name) }
    let positionals = level.positionals.enumerated().map { index, positional in
      let place = positional.repeats ? "*" : String(index + 1)
      return "      " + quoted("\(place):\(escaped(positional.metavar)):\(action(positional.kind))")
    }
    let lines = [specifications(level.options)] + positionals
    return "  '\(name)')\n    _arguments -s -S $common \\\n"
      + lines.joined(separator: "\n").split(separator: "\n").joined(separator: " \\\n") + "\n    ;;\n"
  }

  /// A command word, and behind it what its own level knows.
  private func group(_ level: CompletionTable.Level, _ name: String) -> String {
    let commands = level.subcommands.map { "        " + quoted("\($0.name):\($0.summary)") }.joined(separator: "\n")
    let options = specifications(level.options).split(separator: "\n").joined(separator: " \\\n")
    return """
        '\(name)')
          local -a commands
          local curcontext=$curcontext state line
          commands=(
      \(commands)
          )
          _arguments -s -S -C $common \\
      \(options.isEmpty ? "" : options + " \\\n")\
            '1:command:->command' '*::argument:->argument'
          case $state in
          command) _describe -t commands 'command' commands ;;
          argument)
            curcontext="${curcontext%:*}-$line[1]:"
            _borg_level "\(name.isEmpty ? "" : name + " ")$line[1]" ;;
          esac
          ;;

      """
  }

  private func specifications(_ options: [CompletionTable.Option]) -> String {
    options.flatMap { option in
      option.names.map { name in
        let others = option.isRepeatable && option.value != nil ? "*" : "(\(option.names.joined(separator: " ")))"
        let text = "[\(escaped(option.help))]"
        guard let value = option.value else { return "      " + quoted("\(others)\(name)\(text)") }
        let attach = option.isValueOptional ? "=-" : name.hasPrefix("--") ? "=" : "+"
        let separator = option.isValueOptional ? "::" : ":"
        return "      " + quoted("\(others)\(name)\(attach)\(text)\(separator)value:\(action(value))")
      }
    }.joined(separator: "\n")
  }

  private func action(_ kind: CompletionKind) -> String {
    switch kind {
    case .nothing: " "
    case .files: "_files"
    case .directories, .repository: "_files -/"
    case .archive, .repositoryOrArchive: "_borg_location"
    case .archiveName: "_borg_archive_name"
    case .program: "_command_names -e"
    case .words(let words): "(\(words.joined(separator: " ")))"
    case .list(let words): "_sequence compadd - \(words.joined(separator: " "))"
    }
  }

  private func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      if "[]:\\".contains(character) { result += "\\" }
      result.append(character)
    }
    return result
  }

  private func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
