/// The completion script for fish.
struct FishCompletion {
  private let table: CompletionTable

  init(_ table: CompletionTable) {
    self.table = table
  }

  var script: String {
    var lines = [FishCompletion.engine(optionsWithValues)]
    lines += table.levels.flatMap { options($0.options, "-c borg -n \(condition($0.name))") }
    lines += options(table.common, "-c borg") + options(table.common, "-c borgfs")
    lines += options(table.borgfs.options, "-c borgfs")
    for level in table.levels {
      for (name, summary) in level.subcommands {
        lines.append("complete -c borg -n \(condition(level.name)) -f -a \(quoted(name)) -d \(quoted(summary))")
      }
      lines += positionals(level, "-c borg", level.name)
    }
    lines += positionals(table.borgfs, "-c borgfs", "")
    return lines.joined(separator: "\n") + "\n"
  }

  /// Words behind which a value follows, whatever the command.
  private var optionsWithValues: String {
    let all = (table.levels + [table.borgfs]).flatMap(\.options) + table.common
    let names = all.filter { $0.value != nil && !$0.isValueOptional }.flatMap(\.names)
    let flags = all.filter { $0.value == nil }.flatMap(\.names)
    return Set(names).subtracting(flags).sorted().joined(separator: " ")
  }

  private func condition(_ level: String) -> String { quoted("__borg_at \(quoted(level))") }

  private func options(_ options: [CompletionTable.Option], _ start: String) -> [String] {
    options.map { option in
      var words = ["complete", start]
      for name in option.names {
        words.append(name.hasPrefix("--") ? "-l \(name.dropFirst(2))" : "-s \(name.dropFirst())")
      }
      if let value = option.value, !option.isValueOptional {
        words.append(value == .files ? "-r -F" : "-x")
        if let choices = candidates(value) { words.append("-a \(quoted(choices))") }
      }
      return (words + ["-d", quoted(option.help)]).joined(separator: " ")
    }
  }

  private func positionals(_ level: CompletionTable.Level, _ start: String, _ name: String) -> [String] {
    level.positionals.enumerated().compactMap { index, positional in
      let test = "__borg_position \(quoted(name)) \(index)\(positional.repeats ? " more" : "")"
      if positional.kind == .files { return "complete \(start) -n \(quoted(test)) -F" }
      let choices = candidates(positional.kind).map { " -a \(quoted($0))" } ?? ""
      return "complete \(start) -n \(quoted(test)) -f\(choices)"
    }
  }

  /// What fish evaluates for the words to offer.
  private func candidates(_ kind: CompletionKind) -> String? {
    switch kind {
    case .nothing, .files: nil
    case .directories, .repository: "(__fish_complete_directories)"
    case .archive, .repositoryOrArchive: "(__borg_locations)"
    case .archiveName: "(__borg_archive_names)"
    case .program: "(__fish_complete_command)"
    case .words(let words): words.joined(separator: " ")
    case .list(let words): "(__fish_append , \(words.joined(separator: " ")))"
    }
  }

  private func quoted(_ text: String) -> String {
    var result = "'"
    for character in text {
      if character == "'" || character == "\\" { result += "\\" }
      result.append(character)
    }
    return result + "'"
  }

  private static func engine(_ optionsWithValues: String) -> String {
    """
    # Completions of borg and borgfs for fish, made by: borg help --completion fish

    # The words of the command line that are no options and no values of options.
    function __borg_words
        set -l tokens (commandline -opc)
        set -e tokens[1]
        set -l skip 0
        for token in $tokens
            if test $skip = 1
                set skip 0
            else if string match -qr -- '^-' $token
                if contains -- $token \(optionsWithValues)
                    set skip 1
                end
            else
                echo $token
            end
        end
    end

    # Whether the words so far are exactly this command, or begin with it and it is complete.
    function __borg_at
        set -l words (__borg_words)
        set -l wanted (string split -n ' ' -- $argv[1])
        if test (count $wanted) = 0
            test (count $words) = 0
            return
        end
        set -l depth (count $wanted)
        test (count $words) -ge $depth; or return 1
        set -l first $words[1..$depth]
        test "$first" = "$wanted"
    end

    # Whether the positional argument number N of a command is due: __borg_position COMMAND N [more]
    function __borg_position
        set -l words (__borg_words)
        set -l wanted (string split -n ' ' -- $argv[1])
        test (count $wanted) = 0; or __borg_at $argv[1]; or return 1
        set -l given (math (count $words) - (count $wanted))
        test $given -eq $argv[2]; or begin
            test (count $argv) -gt 2; and test $given -ge $argv[2]
        end
    end

    # Archive names of a repository: nothing is asked, since there is no terminal.
    function __borg_archives
        set -l repository (string replace -r '^~/' "$HOME/" -- $argv[1])
        setsid -w borg list --short --bypass-lock --lock-wait 0 "$repository" 2>/dev/null </dev/null
    end

    function __borg_locations
        set -l token (commandline -ct)
        if string match -q -- '*::*' $token
            set -l repository (string replace -r '::.*' '' -- $token)
            set -l named $repository
            test -n "$named"; or set named $BORG_REPO
            for archive in (__borg_archives $named)
                echo $repository::$archive
            end
        else
            __fish_complete_directories $token
        end
    end

    function __borg_archive_names
        for word in (__borg_words)
            if string match -q -- '*::*' $word; or test -d $word
                __borg_archives (string replace -r '::.*' '' -- $word)
                return
            end
        end
    end
    """
  }
}
