/// Notices about old option words. They look at the bare words, before parsing (cli.md 1.5).
enum Deprecations {
  private static let texts: [(word: String, notice: String)] = [
    ("--noatime", "\"--noatime\" has been deprecated because it is the default now."),
    ("--nobsdflags", "\"--nobsdflags\" has been deprecated. Use --noflags instead."),
    ("--numeric-owner", "\"--numeric-owner\" has been deprecated. Use --numeric-ids instead."),
    ("--remote-ratelimit", "\"--remote-ratelimit\" has been deprecated. Use --upload-ratelimit instead."),
    ("--remote-buffer", "\"--remote-buffer\" has been deprecated. Use --upload-buffer instead."),
    ("--prefix", "\"--prefix\" has been deprecated. Use \"--glob-archives 'yourprefix*'\" (-a) instead."),
    ("--sort", "\"--sort\" is deprecated. Use \"--sort-by=path\" instead."),
  ]

  /// One notice for each use of an old word, alone or with `=VALUE`.
  static func notices(in words: [[UInt8]]) -> [String] {
    words.flatMap { word -> [String] in
      guard word.starts(with: "--".utf8) else { return [] }
      let name = word.prefix { $0 != UInt8(ascii: "=") }
      return texts.filter { name.elementsEqual($0.word.utf8) }.map { "Warning: " + $0.notice }
    }
  }
}
