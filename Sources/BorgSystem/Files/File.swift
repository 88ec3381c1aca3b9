import Glibc

/// An open file descriptor that closes itself. Every call throws `SystemError` and retries on EINTR.
public final class File: Sendable {
  public let descriptor: Int32
  public let path: [UInt8]

  public init(descriptor: Int32, path: [UInt8]) {
    self.descriptor = descriptor
    self.path = path
  }

  public static func open(_ path: [UInt8], _ flags: Int32, mode: mode_t = 0o666) throws -> File {
    fatalError("contract: BorgSystem")
  }

  /// Closes and reports the error that a plain `deinit` would swallow. Idempotent.
  public func close() throws { fatalError("contract: BorgSystem") }
  public func size() throws -> Int64 { fatalError("contract: BorgSystem") }
  /// Reads until the buffer is full or the file ends; returns the bytes read.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int { fatalError("contract: BorgSystem") }
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    fatalError("contract: BorgSystem")
  }
  public func readAll(limit: Int = .max) throws -> [UInt8] { fatalError("contract: BorgSystem") }
  public func write(_ bytes: UnsafeRawBufferPointer) throws { fatalError("contract: BorgSystem") }
  public func writeVector(_ parts: [UnsafeRawBufferPointer]) throws { fatalError("contract: BorgSystem") }
  public func syncData() throws { fatalError("contract: BorgSystem") }
  public func sync() throws { fatalError("contract: BorgSystem") }
}

/// Calls on paths. Paths are bytes; a path with a NUL throws EINVAL.
public enum Files {
  public static func read(_ path: [UInt8], limit: Int = .max) throws -> [UInt8] { fatalError("contract: BorgSystem") }
  /// Borg's atomic write: `NAME-XXXXXXXX.tmp` in the same directory, fsync, rename, fsync the directory.
  public static func replace(_ path: [UInt8], with bytes: [UInt8]) throws { fatalError("contract: BorgSystem") }
  public static func syncDirectory(_ path: [UInt8]) throws { fatalError("contract: BorgSystem") }
  public static func exists(_ path: [UInt8]) -> Bool { fatalError("contract: BorgSystem") }
  public static func status(_ path: [UInt8], followLinks: Bool = true) throws -> stat {
    fatalError("contract: BorgSystem")
  }
  /// Names without `.` and `..`, unsorted.
  public static func names(in directory: [UInt8]) throws -> [[UInt8]] { fatalError("contract: BorgSystem") }
  public static func makeDirectory(_ path: [UInt8], mode: mode_t = 0o777) throws { fatalError("contract: BorgSystem") }
  public static func makeDirectories(_ path: [UInt8], mode: mode_t = 0o777) throws {
    fatalError("contract: BorgSystem")
  }
  public static func rename(_ from: [UInt8], _ to: [UInt8]) throws { fatalError("contract: BorgSystem") }
  public static func unlink(_ path: [UInt8]) throws { fatalError("contract: BorgSystem") }
  public static func removeDirectory(_ path: [UInt8]) throws { fatalError("contract: BorgSystem") }
  public static func removeTree(_ path: [UInt8]) throws { fatalError("contract: BorgSystem") }
  public static func currentDirectory() throws -> [UInt8] { fatalError("contract: BorgSystem") }
  /// Joined with the current directory and normalised, links not resolved.
  public static func absolute(_ path: [UInt8]) throws -> [UInt8] { fatalError("contract: BorgSystem") }
  /// Eight random characters from `a-z0-9_`, as Borg names its temporary files.
  public static func randomSuffix() -> String { fatalError("contract: BorgSystem") }
}
