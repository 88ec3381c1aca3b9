/// The options of `create`, and its explanation.
enum CreateOptionDeclarations {
  static let all: [OptionDeclaration] =
    output + input + ExclusionOptions.declarations + ExclusionOptions.tagDeclarations + exclusion + fileSystem + archive

  private static let output: [OptionDeclaration] =
    [OptionDeclaration("-n", "--dry-run", help: "only show what would be backed up")]
    + StatisticsOptions.declarations + [
      OptionDeclaration("--list", help: "list what is backed up, with a status letter"),
      filter, json,
      OptionDeclaration(
        "--no-cache-sync", help: "do not bring the chunks cache up to date; then the files cache is not used either"),
    ]

  private static let input: [OptionDeclaration] = [
    OptionDeclaration(
      "--stdin-name", action: .value(.text), metavar: "NAME",
      help: "name of the file made from standard input (default: 'stdin')"),
    OptionDeclaration(
      "--stdin-user", action: .value(.text), metavar: "USER", help: "owner of that file (default: 'root')"),
    OptionDeclaration(
      "--stdin-group", action: .value(.text), metavar: "GROUP", help: "group of that file (default: 'root')"),
    OptionDeclaration(
      "--stdin-mode", action: .value(.octal), metavar: "M", help: "mode of that file (default: 0660)"),
    OptionDeclaration(
      "--content-from-command", help: "the PATHs are a command and its arguments: store its output as one file"),
    OptionDeclaration(
      "--paths-from-stdin", help: "read from standard input what to back up: exactly these paths, nothing below"),
    OptionDeclaration(
      "--paths-from-command", help: "the PATHs are a command and its arguments, which prints what to back up"),
    OptionDeclaration(
      "--paths-delimiter", action: .value(.text), metavar: "DELIM",
      help: "what separates these paths; may hold escapes such as \\0 (default: \\n)"),
  ]

  private static let exclusion: [OptionDeclaration] = [
    OptionDeclaration("--exclude-nodump", group: .exclusion, help: "leave out files with the nodump flag"),
    OptionDeclaration(
      "--exclude-dataless", group: .exclusion, help: "leave out placeholders of files that are elsewhere (macOS)"),
  ]

  private static let fileSystem: [OptionDeclaration] = [
    OptionDeclaration(
      "-x", "--one-file-system", group: .fileSystem, help: "do not enter directories on other file systems"),
    OptionDeclaration("--numeric-owner", group: .fileSystem, help: "deprecated, use --numeric-ids instead"),
    OptionDeclaration("--numeric-ids", group: .fileSystem, help: "store user and group ids without names"),
    OptionDeclaration("--noatime", group: .fileSystem, help: "deprecated: this is the default"),
    OptionDeclaration("--atime", group: .fileSystem, help: "store atime"),
    OptionDeclaration("--noctime", group: .fileSystem, help: "do not store ctime"),
    OptionDeclaration("--nobirthtime", group: .fileSystem, help: "do not store the time of creation"),
    OptionDeclaration("--nobsdflags", group: .fileSystem, help: "deprecated, use --noflags instead"),
    OptionDeclaration("--noflags", group: .fileSystem, help: "do not store file flags (such as nodump, immutable)"),
    OptionDeclaration("--noacls", group: .fileSystem, help: "do not store ACLs"),
    OptionDeclaration("--noxattrs", group: .fileSystem, help: "do not store extended attributes"),
    OptionDeclaration(
      "--sparse", group: .fileSystem, help: "do not read the holes of sparse files (with fixed chunks only)"),
    OptionDeclaration(
      "--files-cache", action: .value(.filesCacheMode), metavar: "MODE", group: .fileSystem, onceOnly: true,
      help: "how unchanged files are told (default: ctime,size,inode)"),
    OptionDeclaration(
      "--files-changed", action: .value(.choice(["ctime", "mtime", "disabled"])), metavar: "MODE", group: .fileSystem,
      onceOnly: true, help: "how files that change while they are read are told (default: ctime)"),
    OptionDeclaration(
      "--read-special", group: .fileSystem, help: "read devices and named pipes as if they were files"),
  ]

  private static let archive: [OptionDeclaration] = [
    OptionDeclaration(
      "--comment", action: .value(.expanded), metavar: "COMMENT", group: .archive, help: "a comment on the archive"),
    timestamp, checkpointInterval,
    OptionDeclaration(
      "--chunker-params", action: .value(.chunkerParameters), metavar: "PARAMS", group: .archive, onceOnly: true,
      help: "how files are cut: ALGO,CHUNK_MIN_EXP,CHUNK_MAX_EXP,HASH_MASK_BITS,HASH_WINDOW_SIZE "
        + "(default: buzhash,19,23,21,4095)"),
    compression,
  ]

  // What import-tar has, too.

  static let filter = OptionDeclaration(
    "--filter", action: .value(.text), metavar: "STATUSCHARS", onceOnly: true,
    help: "list only things with these status letters")
  static let json = OptionDeclaration("--json", help: "print a JSON document about the archive, statistics included")
  static let timestamp = OptionDeclaration(
    "--timestamp", action: .value(.timestamp), metavar: "TIMESTAMP", group: .archive,
    help: "the archive's time: UTC, yyyy-mm-ddThh:mm:ss, or a file whose time is meant")
  static let checkpointInterval = OptionDeclaration(
    "-c", "--checkpoint-interval", action: .value(.integer), metavar: "SECONDS", group: .archive,
    help: "write a checkpoint every SECONDS, 0: never (default: 1800)")
  static let compression = OptionDeclaration(
    "-C", "--compression", action: .value(.compression), metavar: "COMPRESSION", group: .archive,
    help: "how chunks are compressed, see \"borg help compression\" (default: lz4)")

  static let epilog = """
    Makes an archive of all files found below the given paths. Only chunks that the repository does not hold yet are
    stored. Archive names are unique in a repository; placeholders help, see "borg help placeholders".

    Everything below a PATH is taken, except what patterns leave out, see "borg help patterns". A PATH is stored without
    leading slashes. If a PATH holds /./, what stands before it is not stored: "/srv/./www" is stored as "www".

    The PATH - stands for standard input. Of sockets nothing is stored. The cache directory and a local repository are
    left out by themselves.

    --list shows one line for each thing. Its letter says:

    A     file, not known from the last time
    M     file, changed since the last time
    U     file, unchanged: not read
    C     file, changed while it was read
    d     directory
    s     symbolic link
    h     further name of a file that is stored already
    f     named pipe
    b, c  device
    i     read from standard input or a command
    x     left out
    -     dry run: would be stored
    E     could not be read

    Ctrl-C writes a checkpoint: an archive of what is stored so far, from which the next run goes on. A second Ctrl-C
    ends at once.

    Examples:

        borg create -e '*/.cache' /srv/repo::{hostname}-{now} /etc /home
        borg create --stats --progress --compression zstd /srv/repo::monday ~
        pg_dump db | borg create --stdin-name db.sql /srv/repo::db-{now} -
        borg create --content-from-command /srv/repo::db-{now} -- pg_dump db
    """
}
