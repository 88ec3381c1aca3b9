import BorgArchive
import BorgFormat
import BorgSystem
import CLinux
import Glibc

/// A tar file, or a standard stream for `-`, with a program in between that compresses or decompresses it.
public final class TarFilter {
  /// Where the plain tar stream is read or written.
  let descriptor: Int32
  private let file: File?
  private let pipe: File?
  private let child: ChildProcess?
  private let command: String
  private let isInput: Bool

  /// `command` nil: chosen by the name's suffix; empty: none. Throws `ArchiveError` when it cannot be started, and
  /// `SystemError` when the file cannot be opened.
  init(_ path: [UInt8], command: String?, isInput: Bool, context: SessionContext) throws {
    self.isInput = isInput
    self.command = command ?? Self.automatic(path, isInput: isInput) ?? ""
    let isStandard = path == [UInt8(ascii: "-")]
    file = isStandard ? nil : try File.open(path, isInput ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC)
    let outer = file?.descriptor ?? (isInput ? 0 : 1)
    guard !self.command.isEmpty else {
      (pipe, child, descriptor) = (nil, nil, outer)
      return
    }
    let ends = try Pipe()
    child = try Self.start(
      self.command, input: isInput ? outer : ends.reader.descriptor, output: isInput ? ends.writer.descriptor : outer,
      context)
    let ours = isInput ? ends.reader : ends.writer
    try (isInput ? ends.writer : ends.reader).close()
    pipe = ours
    descriptor = ours.descriptor
  }

  deinit { abandon() }

  /// The program for a file's suffix.
  private static func automatic(_ path: [UInt8], isInput: Bool) -> String? {
    let name = String(decoding: path, as: UTF8.self)
    let programs = [
      ("gzip", [".tar.gz", ".tgz"]), ("bzip2", [".tar.bz2", ".tbz"]), ("xz", [".tar.xz", ".txz"]),
      ("lz4", [".tar.lz4"]), ("zstd", [".tar.zstd", ".tar.zst"]),
    ]
    let found = programs.first { $0.1.contains { name.hasSuffix($0) } }
    return found.map { isInput ? "\($0.0) -d" : $0.0 }
  }

  private static func start(
    _ command: String, input: Int32, output: Int32, _ context: SessionContext
  ) throws -> ChildProcess {
    func fail(_ reason: String) -> ArchiveError {
      context.monitor.error("filter-process: \(reason)", logger: "borg.helpers.process")
      return .plain("filter \(command): process creation failed")
    }
    guard let words = shellWords(command) else { throw fail("No closing quotation") }
    guard let program = words.first else { throw fail("an empty command line is not permitted") }
    do {
      return try ChildProcess(
        words, environment: context.environment, standardInput: input, standardOutput: output)
    } catch let error as SystemError {
      throw fail(
        error.code == ENOENT
          ? "executable not found: \(program)"
          : error.code == EACCES ? "permission denied: \(program)" : "\(program): \(error.message)")
    }
  }

  /// All was read or written: waits for the program. Throws when it fails.
  func finish() throws {
    if isInput { drain() }
    if !isInput { try pipe?.close() }
    let status = try child?.wait() ?? 0
    if !isInput { try file?.close() }
    guard status == 0 else { throw ArchiveError.plain("filter \(command) failed, rc=\(status)") }
  }

  /// Ends the program, when our side has failed.
  func abandon() {
    guard let child else { return }
    if !child.isReaped { kill(child.pid, SIGKILL) }
    _ = try? child.wait()
  }

  /// What follows the end of the archive in a pipe: whoever writes it shall not die of it.
  private func drain() {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count == 0 || count < 0 && errno != EINTR { return }
    }
  }
}
