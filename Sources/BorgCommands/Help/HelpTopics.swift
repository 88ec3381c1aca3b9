/// The texts of `borg help TOPIC`.
enum HelpTopics {
  static let all: [(name: String, text: String)] = [
    ("compression", compression), ("patterns", patterns), ("placeholders", placeholders),
    ("environment", environment), ("exit-codes", exitCodes),
  ]

  /// What a topic is about, in one line.
  static let summaries = [
    "compression": "how chunks are compressed", "patterns": "how paths are chosen",
    "placeholders": "texts that names are made of", "environment": "variables that say what command lines do not",
    "exit-codes": "what the exit codes mean",
  ]

  static let patterns = """
    Patterns choose paths, by --exclude, --exclude-from, --pattern, --patterns-from and, when an archive is read, by
    the PATH arguments. They are compared with paths as the archive holds them: relative, without a leading slash.
    borg create matches its recursion roots and everything below them in the form in which they are reached.

    A pattern may begin with two letters and a colon that name its style:

    fm:  fnmatch. The default of --exclude and --exclude-from. * matches any text, slashes included, ? one character,
         [abc] and [!abc] one character of a set. A pattern that ends with a slash selects what is in a directory,
         but not the directory itself. A pattern that matches a directory matches everything below it.
    sh:  shell pattern. The default of --pattern, --patterns-from. Like fm:, but * and ? do not match slashes, and
         **/ matches any number of directories, none included.
    re:  regular expression, found anywhere in the path. Anchor it with ^ and $.
    pp:  path prefix. The default of PATH arguments. Matches a path and everything below it.
    pf:  full path. Matches exactly this path. Such patterns are looked up before all others and cost nothing.

    --pattern and the lines of --patterns-from begin with one character, blanks may follow it:

    +    include
    -    exclude; a directory is entered all the same, so that things in it may be included by other patterns
    !    exclude, and do not enter a directory
    R    a recursion root, a plain path
    P    the default style of the lines that follow in this file

    In pattern files empty lines and lines beginning with # do not count; blanks at both ends of a line are dropped.

    The first pattern that matches decides, in the order of the command line, whatever options they come from.
    Without a match borg create includes a path; other commands do so only if no PATH is given.

    Examples:

        borg create --exclude '*.o' --exclude 'home/*/.cache' REPO::ARCHIVE home
        borg create --pattern '+ home/ann' --pattern '- home' REPO::ARCHIVE home
        borg create --exclude 're:\\.tmp$' REPO::ARCHIVE .
        borg extract REPO::ARCHIVE home/ann/letters

    Archive names (--glob-archives) are compared as a whole, by the rules of sh: without the prefix.
    """

  static let placeholders = """
    Placeholders stand in repository and archive locations, in --glob-archives, --prefix, --comment, --remote-path and
    in new archive names:

    {hostname}        the (short) host name
    {fqdn}            the full host name
    {reverse-fqdn}    the full host name, its parts in reverse
    {now}             the local date and time, {now:FORMAT} by strftime's rules; default %Y-%m-%dT%H:%M:%S
    {utcnow}          the same in UTC
    {unixtime}        seconds since 1970
    {user}            the user's name, or number if there is no name
    {pid}             the process id
    {uuid4}           a random UUID
    {borgversion}     the version, such as 1.4.5
    {borgmajor}       its first number
    {borgminor}       its first two numbers
    {borgpatch}       its first three numbers

    Write {{ and }} for braces that are meant as such. In crontabs % must be escaped as \\%.

    Examples:

        borg create '/srv/repo::{hostname}-{user}-{now}' ~
        borg create '/srv/repo::{hostname}-{now:%Y-%m-%d}' ~
        borg list --glob-archives '{hostname}-*' /srv/repo
    """

  static let compression = """
    --compression SPEC says how new chunks are compressed. Chunks that are already stored stay as they are.

    none              do not compress
    lz4               very fast, compresses little (default)
    zstd[,L]          a wide range, L = 1 (fast) to 22 (small), default 3
    zlib[,L]          medium speed and size, L = 0 to 9, default 6
    lzma[,L]          slow and small, L = 0 to 9, default 6; levels above 6 gain nothing here
    auto,C[,L]        look at each chunk with lz4 first, and use C[,L] only if it can be compressed
    obfuscate,S,C[,L] compress by C[,L], then hide the true size of chunks by adding bytes to them:
                      S = 1 to 6: a random factor of the size, 1: up to 0.001 ... 6: up to 100 times the size;
                      S = 110 to 123: random 0 to 2^(S-100) bytes, 110: 1 KiB ... 123: 8 MiB;
                      S = 250: padmé, to a size of which there are few

    Examples:

        borg create --compression zstd,10 REPO::ARCHIVE data
        borg create --compression auto,lzma REPO::ARCHIVE data
        borg create --compression obfuscate,110,auto,zstd REPO::ARCHIVE data
    """
}
