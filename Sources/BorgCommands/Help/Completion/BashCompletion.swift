/// The completion script for bash. It needs nothing but bash 4: words are put together again around `:` and `=`, at
/// which bash breaks them.
struct BashCompletion {
  private let table: CompletionTable

  init(_ table: CompletionTable) {
    self.table = table
  }

  var script: String {
    """
    # Completions of borg and borgfs for bash, made by: borg help --completion bash

    _borg_options() {
      case "$1" in
    \(table.levels.map { branch($0.name, names($0.options)) }.joined())\
    \(branch("borgfs", names(table.borgfs.options)))\
      esac
      printf '%s\\n' \(quoted(names(table.common)))
    }

    _borg_commands() {
      case "$1" in
    \(table.levels.filter { !$0.subcommands.isEmpty }.map { branch($0.name, $0.subcommands.map(\.name)) }.joined())\
      esac
    }

    # What the value of an option is: nothing for flags.
    _borg_value() {
      case "$1 $2" in
    \((table.levels.map { values($0.options, $0.name) } + [values(table.borgfs.options, "borgfs")]).joined())\
      *)
        case "$2" in
    \(values(table.common, nil))\
        esac ;;
      esac
    }

    # What the positional argument of this number is.
    _borg_positional() {
      case "$1 $2" in
    \((table.levels.map { positionals($0, $0.name) } + [positionals(table.borgfs, "borgfs")]).joined())\
      esac
    }

    \(BashCompletion.engine)

    """
  }

  private func names(_ options: [CompletionTable.Option]) -> [String] { options.flatMap(\.names) }

  private func branch(_ name: String, _ words: [String]) -> String {
    words.isEmpty ? "" : "  '\(name)') printf '%s\\n' \(quoted(words)) ;;\n"
  }

  private func values(_ options: [CompletionTable.Option], _ level: String?) -> String {
    options.compactMap { option in
      guard let value = option.value else { return nil }
      let patterns = option.names.map { "'\(level.map { $0 + " " } ?? "")\($0)'" }.joined(separator: "|")
      return "  \(patterns)) printf '%s' '\(option.isValueOptional ? "?" : "")\(text(value))' ;;\n"
    }.joined()
  }

  private func positionals(_ level: CompletionTable.Level, _ name: String) -> String {
    level.positionals.enumerated().map { index, positional in
      "  '\(name) '\(positional.repeats ? "*" : String(index))) printf '%s' '\(text(positional.kind))' ;;\n"
    }.joined()
  }

  private func text(_ kind: CompletionKind) -> String {
    switch kind {
    case .nothing: "nothing"
    case .files: "files"
    case .directories: "directories"
    case .repository: "repository"
    case .archive: "archive"
    case .repositoryOrArchive: "repository-or-archive"
    case .archiveName: "archive-name"
    case .program: "program"
    case .words(let words): "words:" + words.joined(separator: " ")
    case .list(let words): "list:" + words.joined(separator: " ")
    }
  }

  private func quoted(_ words: [String]) -> String { words.joined(separator: " ") }

  private static let engine = #"""
    # Archive names of a repository: nothing is asked, since there is no terminal.
    _borg_archives() {
      local repository=$1
      [[ $repository == '~/'* ]] && repository=$HOME/${repository#'~/'}
      setsid -w borg list --short --bypass-lock --lock-wait 0 "$repository" 2>/dev/null </dev/null
    }

    # The words up to the cursor, in the array `words`.
    _borg_words() {
      local line=${COMP_LINE:0:COMP_POINT} index word
      words=()
      for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if ((index > 0)) && [[ $line != [[:blank:]]* && ( $word == [:=]* || ${words[-1]} == *[:=] ) ]]; then
          words[-1]+=$word
        else
          words+=("$word")
        fi
        line=${line#"${line%%[![:blank:]]*}"}
        line=${line#"$word"}
      done
    }

    _borg_offer() {
      local candidate
      while IFS= read -r candidate; do
        [[ $candidate == "$current"* ]] && COMPREPLY+=("$candidate")
      done
    }

    _borg_files() {
      compopt -o filenames 2>/dev/null
      local path=${current#\'} expanded
      expanded=$path
      [[ $path == '~/'* ]] && expanded=$HOME/${path#'~/'}
      local IFS=$'\n'
      COMPREPLY=($(compgen "$1" -- "$expanded"))
      [[ $path == "$expanded" ]] || COMPREPLY=("${COMPREPLY[@]/#"$HOME"/'~'}")
    }

    _borg_archive_of() {
      local repository=${current%%::*}
      current=${current#*::}
      _borg_offer < <(_borg_archives "${repository:-$BORG_REPO}")
      COMPREPLY=("${COMPREPLY[@]/#/"${repository}::"}")
      current=${repository}::$current
    }

    _borg_complete() {
      case "$1" in
      files) _borg_files -f ;;
      directories) _borg_files -d ;;
      repository) _borg_files -d; compopt -o nospace ;;
      archive | repository-or-archive)
        if [[ $current == *::* ]]; then
          _borg_archive_of
        else
          _borg_files -d
          compopt -o nospace
          # A whole repository: go on with its archives.
          if ((${#COMPREPLY[@]} == 1)) && [[ -f ${COMPREPLY[0]/#'~'/"$HOME"}/config ]]; then
            compopt +o filenames
            COMPREPLY=("${COMPREPLY[0]}::")
          fi
        fi ;;
      archive-name) _borg_offer < <(_borg_archives "${repository%%::*}") ;;
      program) COMPREPLY=($(compgen -c -- "$current")) ;;
      words:*) _borg_offer < <(printf '%s\n' ${1#words:}) ;;
      list:*)
        local given=
        [[ $current == *,* ]] && given=${current%,*},
        current=${current##*,}
        _borg_offer < <(printf '%s\n' ${1#list:})
        COMPREPLY=("${COMPREPLY[@]/#/"$given"}")
        current=$given$current
        compopt -o nospace ;;
      esac
    }

    _borg() {
      COMPREPLY=()
      local words=() command= current previous= value index count=0 isValue= ended= repository=
      _borg_words
      current=${words[-1]}
      [[ ${words[0]##*/} == borgfs ]] && command=borgfs
      for ((index = 1; index < ${#words[@]} - 1; index++)); do
        previous=${words[index]}
        if [[ $isValue ]]; then
          isValue=
        elif [[ $previous == -- && ! $ended ]]; then
          ended=yes
        elif [[ $previous == -?* && ! $ended ]]; then
          value=$(_borg_value "$command" "$previous")
          [[ $value && $value != \?* ]] && isValue=$value
        elif [[ $(_borg_commands "$command") && $command != borgfs ]]; then
          command=${command:+$command }$previous
        else
          ((count == 0)) && repository=$previous
          ((count += 1))
        fi
      done
      if [[ $isValue ]]; then
        _borg_complete "$isValue"
      elif [[ $current == --*=* && ! $ended ]]; then
        value=$(_borg_value "$command" "${current%%=*}")
        previous=${current%%=*}
        current=${current#*=}
        _borg_complete "${value#\?}"
        COMPREPLY=("${COMPREPLY[@]/#/"$previous="}")
        current=$previous=$current
      elif [[ $current == -* && ! $ended ]]; then
        _borg_offer < <(_borg_options "$command")
      elif [[ $(_borg_commands "$command") && $command != borgfs ]]; then
        _borg_offer < <(_borg_commands "$command")
      else
        _borg_complete "$(_borg_positional "$command" "$count")"
      fi
      # Bash replaces only what follows the last character at which it breaks words.
      local rest=$current
      [[ $COMP_WORDBREAKS == *:* ]] || rest=${rest//:/}
      [[ $COMP_WORDBREAKS == *=* ]] || rest=${rest//=/}
      if [[ $rest == *[:=]* ]]; then
        local kept=${current%"${current##*[:=]}"}
        COMPREPLY=("${COMPREPLY[@]#"$kept"}")
      fi
    }

    complete -F _borg borg borgfs
    """#
}
