/// Every command with its summary, in help's order. Declarations are only made for the command that is used.
enum CommandTable {
  struct Entry: Sendable {
    let name: String
    let summary: String
    let declaration: @Sendable () -> CommandDeclaration
    /// Nil: a level that is no command, whose subcommands are in `grouped`.
    let type: (any BorgCommand.Type)?

    init(_ summary: String, _ type: any BorgCommand.Type, named name: String) {
      self.name = name
      self.summary = summary
      declaration = { type.declaration }
      self.type = type
    }

    init(_ summary: String, declared declaration: @escaping @Sendable () -> CommandDeclaration, named name: String) {
      self.name = name
      self.summary = summary
      self.declaration = declaration
      type = nil
    }
  }

  static let entries: [Entry] = [
    Entry("measure speed", declared: { benchmark }, named: "benchmark"),
    Entry("remove locks of repository and cache", BreakLockCommand.self, named: "break-lock"),
    Entry("verify a repository", CheckCommand.self, named: "check"),
    Entry("free space in a repository", CompactCommand.self, named: "compact"),
    Entry("read and change configuration values", ConfigCommand.self, named: "config"),
    Entry("make a backup", CreateCommand.self, named: "create"),
    Entry("look into a repository (for developers)", declared: { debug }, named: "debug"),
    Entry("delete archives or a repository", DeleteCommand.self, named: "delete"),
    Entry("compare two archives", DiffCommand.self, named: "diff"),
    Entry("write an archive as a tar file", ExportTarCommand.self, named: "export-tar"),
    Entry("restore files", ExtractCommand.self, named: "extract"),
    Entry("find files in all archives", FindCommand.self, named: "find"),
    Entry("explain a command or a topic", HelpCommand.self, named: "help"),
    Entry("show details of a repository or archive", InfoCommand.self, named: "info"),
    Entry("show the versions of client and server", VersionCommand.self, named: "version"),
    Entry("make a new repository", InitCommand.self, named: "init"),
    Entry("manage the key of a repository", declared: { key }, named: "key"),
    Entry("list archives or their contents", ListCommand.self, named: "list"),
    Entry("mount a repository or archive", MountCommand.self, named: "mount"),
    Entry("delete old archives by rules", PruneCommand.self, named: "prune"),
    Entry("rewrite archives", RecreateCommand.self, named: "recreate"),
    Entry("rename an archive", RenameCommand.self, named: "rename"),
    Entry("be the server of a remote repository", ServeCommand.self, named: "serve"),
    Entry("unmount", UmountCommand.self, named: "umount"),
    Entry("upgrade a repository", UpgradeCommand.self, named: "upgrade"),
    Entry("run a command while the repository is locked", WithLockCommand.self, named: "with-lock"),
    Entry("make an archive from a tar file", ImportTarCommand.self, named: "import-tar"),
  ]

  static let grouped: [Entry] = [
    Entry("measure create, read, update and delete", BenchmarkCrudCommand.self, named: "benchmark crud"),
    Entry("save a copy of the key", KeyExportCommand.self, named: "key export"),
    Entry(
      "save the secrets that related repositories share", KeyExportRelatedSecretsCommand.self,
      named: "key export-related-secrets"),
    Entry("restore the key from a copy", KeyImportCommand.self, named: "key import"),
    Entry("change the passphrase", KeyChangePassphraseCommand.self, named: "key change-passphrase"),
    Entry("convert a very old repository", KeyMigrateToRepokeyCommand.self, named: "key migrate-to-repokey"),
    Entry("show the program's surroundings", DebugInfoCommand.self, named: "debug info"),
    Entry(
      "write an archive's item metadata to files", DebugDumpArchiveItemsCommand.self,
      named: "debug dump-archive-items"),
    Entry("write an archive's metadata as JSON", DebugDumpArchiveCommand.self, named: "debug dump-archive"),
    Entry("write the manifest as JSON", DebugDumpManifestCommand.self, named: "debug dump-manifest"),
    Entry("write all objects to files", DebugDumpRepoObjsCommand.self, named: "debug dump-repo-objs"),
    Entry("search objects for bytes", DebugSearchRepoObjsCommand.self, named: "debug search-repo-objs"),
    Entry("show the id of a file's content", DebugIDHashCommand.self, named: "debug id-hash"),
    Entry("write one object to a file", DebugGetObjCommand.self, named: "debug get-obj"),
    Entry("store a file as an object", DebugPutObjCommand.self, named: "debug put-obj"),
    Entry("delete objects", DebugDeleteObjCommand.self, named: "debug delete-obj"),
    Entry("show reference counts", DebugRefcountObjCommand.self, named: "debug refcount-obj"),
    Entry("write the repository's hints as JSON", DebugDumpHintsCommand.self, named: "debug dump-hints"),
    Entry("convert a profile", DebugConvertProfileCommand.self, named: "debug convert-profile"),
  ]

  static func entry(_ name: String) -> Entry? {
    (name.contains(" ") ? grouped : entries).first { $0.name == name }
  }

  // MARK: Levels that are no commands

  static let version = OptionDeclaration("-V", "--version", action: .version, help: "show the version and exit")

  static var root: CommandDeclaration {
    CommandDeclaration(
      "", title: "Borg - Deduplicated Backups", options: [version],
      epilog: """
        borg COMMAND --help explains a command, borg help TOPIC a topic:
        \(HelpTopics.all.map(\.name).joined(separator: ", ")).
        """,
      subcommands: entries.map { ($0.name, $0.summary) })
  }

  /// borgfs: `mount` without its word.
  static var borgfs: CommandDeclaration {
    let mount = MountCommand.declaration
    return CommandDeclaration(
      "", title: mount.title, positionals: mount.positionals, options: [version] + mount.options,
      exclusive: mount.exclusive, epilog: mount.epilog)
  }

  private static var benchmark: CommandDeclaration {
    group("benchmark", "Measure speed", "Measures how fast this machine and a repository are together.")
  }

  private static var debug: CommandDeclaration {
    group(
      "debug", "Look into a repository (for developers)",
      "Shows and changes what is below archives. None of these commands is needed in daily use; put-obj and delete-obj "
        + "can destroy archives.")
  }

  private static var key: CommandDeclaration {
    group(
      "key", "Manage the key of a repository",
      "An encrypted repository cannot be read without its key and the passphrase that protects it: keep a copy of the "
        + "key (key export) and the passphrase in a safe place.")
  }

  private static func group(_ name: String, _ title: String, _ text: String) -> CommandDeclaration {
    let members = grouped.filter { $0.name.hasPrefix(name + " ") }
    return CommandDeclaration(
      name, title: title, epilog: text,
      subcommands: members.map { (String($0.name.dropFirst(name.utf8.count + 1)), $0.summary) })
  }
}
