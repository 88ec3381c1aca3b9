import BorgSystem
import Glibc
import Testing

@testable import BorgTransfer

@Suite struct BackupProblemTests {
  @Test(
    arguments: [
      (EPERM, "BackupPermissionError", 105), (EACCES, "BackupPermissionError", 105),
      (EBUSY, "BackupPermissionError", 105),
      (ENOENT, "BackupFileNotFoundError", 107), (EIO, "BackupIOError", 106), (ENOSPC, "BackupOSError", 104),
    ] as [(Int32, String, Int32)])
  func `errno decides class and code`(_ code: Int32, _ id: String, _ exitCode: Int32) {
    let problem = BackupProblem.system(operation: "open", SystemError(code: code))
    #expect(problem.messageID == id)
    #expect(problem.code == exitCode)
  }

  @Test func `texts are Borg's`() {
    let problem = BackupProblem.system(operation: "open", SystemError(code: EACCES, path: Array("f".utf8)))
    #expect(problem.text(Array("dir/f".utf8)) == "dir/f: open: [Errno 13] Permission denied: 'f'")
    #expect(BackupProblem.damaged.text(Array("f".utf8)) == "f: backup error")
  }

  @Test(
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (8_240_000, "8.24 MB"), (1_234_567_890, "1.23 GB"),
      (Int64.max, "9.22 EB"),
    ] as [(Int64, String)])
  func `sizes are decimal with two digits`(_ bytes: Int64, _ text: String) {
    #expect(sizeText(bytes) == text)
  }
}
