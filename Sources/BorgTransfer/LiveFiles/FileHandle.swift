import CLinux
import Glibc

/// How to reach a live file's attributes: by an open descriptor, or by a path whose last component is never followed.
enum FileHandle {
  case descriptor(Int32)
  /// NUL-terminated.
  case path([CChar])

  private static let descriptors = "/proc/self/fd/".utf8.map { CChar(bitPattern: $0) }

  /// `name` in an open directory, through /proc, so that nobody can swap a parent directory for a link meanwhile.
  /// Without an open directory (AT_FDCWD), `name` itself.
  init(directory: Int32, name: UnsafePointer<CChar>) {
    let length = strlen(name)
    var path: [CChar] = []
    if directory != AT_FDCWD {
      path.reserveCapacity(32 + length)
      path.append(contentsOf: FileHandle.descriptors)
      path.append(contentsOf: "\(directory)/".utf8.map { CChar(bitPattern: $0) })
    }
    path.append(contentsOf: UnsafeBufferPointer(start: name, count: length))
    path.append(0)
    self = .path(path)
  }

  /// Whether calls must fail, since /proc is not mounted.
  var isOutOfReach: Bool {
    guard case .path(let path) = self else { return false }
    return path.starts(with: FileHandle.descriptors) && access(FileHandle.descriptors + [0], F_OK) != 0
  }

  /// The calls return what the C functions return, with the reason of a failure in errno.
  func listAttributes(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let target = buffer.bindMemory(to: CChar.self).baseAddress
    return switch self {
    case .descriptor(let descriptor): flistxattr(descriptor, target, buffer.count)
    case .path(let path): llistxattr(path, target, buffer.count)
    }
  }

  func attribute(_ name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    switch self {
    case .descriptor(let descriptor): fgetxattr(descriptor, name, buffer.baseAddress, buffer.count)
    case .path(let path): lgetxattr(path, name, buffer.baseAddress, buffer.count)
    }
  }

  func setAttribute(_ name: UnsafePointer<CChar>, _ value: [UInt8]) -> Int32 {
    switch self {
    case .descriptor(let descriptor): fsetxattr(descriptor, name, value, value.count, 0)
    case .path(let path): lsetxattr(path, name, value, value.count, 0)
    }
  }
}
