import CLinux
import Glibc

/// The words of the command line that started this process.
public enum ProcessArguments {
  /// Their bytes, the program's name first; also where /proc is not mounted.
  public static func current() -> [[UInt8]] {
    (0..<clinux_argument_count()).compactMap { number in
      clinux_argument(number).map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }
  }
}
