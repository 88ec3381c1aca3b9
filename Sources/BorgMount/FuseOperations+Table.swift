import BorgTree
import CFuse
import Glibc
import Synchronization

extension FuseOperations {
  /// libfuse's table of callbacks. What is missing in it libfuse answers with ENOSYS, and the kernel stops asking.
  static var table: fuse_lowlevel_ops {
    var table = fuse_lowlevel_ops()
    table.`init` = { context, connection in
      guard let context, let connection else { return }
      let operations = Unmanaged<FuseOperations>.fromOpaque(context).takeUnretainedValue()
      let capable = connection.pointee.capable
      operations.sparesOpens.store(capable & UInt32(FUSE_CAP_NO_OPEN_SUPPORT) != 0, ordering: .relaxed)
      operations.sparesOpendirs.store(capable & UInt32(FUSE_CAP_NO_OPENDIR_SUPPORT) != 0, ordering: .relaxed)
      negotiate(connection)
    }
    table.lookup = { request, parent, name in
      guard let request, let name else { return }
      serving(request).lookup(FuseRequest(request), bytes(name), in: parent)
    }
    table.forget = { request, _, _ in
      guard let request else { return }
      FuseRequest(request).replyNothing()
    }
    table.forget_multi = { request, _, _ in
      guard let request else { return }
      FuseRequest(request).replyNothing()
    }
    table.getattr = { request, inode, _ in
      guard let request else { return }
      serving(request).getattr(FuseRequest(request), inode)
    }
    table.readlink = { request, inode in
      guard let request else { return }
      serving(request).readlink(FuseRequest(request), inode)
    }
    table.opendir = { request, _, file in
      guard let request, let file else { return }
      serving(request).opendir(FuseRequest(request), file)
    }
    table.readdir = { request, inode, size, offset, _ in
      guard let request else { return }
      serving(request).readdir(
        FuseRequest(request), inode, after: UInt64(clamping: offset), size: size, withAttributes: false)
    }
    table.readdirplus = { request, inode, size, offset, _ in
      guard let request else { return }
      serving(request).readdir(
        FuseRequest(request), inode, after: UInt64(clamping: offset), size: size, withAttributes: true)
    }
    addFileCallbacks(to: &table)
    return table
  }

  private static func addFileCallbacks(to table: inout fuse_lowlevel_ops) {
    table.open = { request, inode, file in
      guard let request, let file else { return }
      serving(request).open(FuseRequest(request), inode, file)
    }
    table.read = { request, inode, size, offset, file in
      guard let request, let file else { return }
      serving(request).read(FuseRequest(request), inode, file.pointee.fh, at: Int64(offset), size: size)
    }
    table.lseek = { request, inode, offset, whence, file in
      guard let request, let file else { return }
      serving(request).lseek(
        FuseRequest(request), inode, file.pointee.fh, from: Int64(offset), whence: whence)
    }
    table.release = { request, _, file in
      guard let request, let file else { return }
      serving(request).release(FuseRequest(request), file.pointee.fh)
    }
    table.getxattr = { request, inode, name, size in
      guard let request, let name else { return }
      serving(request).getxattr(FuseRequest(request), inode, bytes(name), size: size)
    }
    table.listxattr = { request, inode, size in
      guard let request else { return }
      serving(request).listxattr(FuseRequest(request), inode, size: size)
    }
    table.statfs = { request, _ in
      guard let request else { return }
      serving(request).statfs(FuseRequest(request))
    }
  }
}

/// Asks for what makes an unchanging tree fast. Attributes always come with directory entries: that costs a plain
/// listing of 100,000 files 0.2 s and saves one that looks at them 2 s. Requests are small, so splicing them would only
/// cost calls. A directory's cached listing is dropped when its time has changed, which only the root's and the views'
/// ever do.
private func negotiate(_ connection: UnsafeMutablePointer<fuse_conn_info>) {
  let wanted =
    FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_READDIRPLUS
    | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ | FUSE_CAP_NO_OPENDIR_SUPPORT | FUSE_CAP_NO_OPEN_SUPPORT
    | FUSE_CAP_AUTO_INVAL_DATA
  let unwanted =
    FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE
  cfuse_want(connection, UInt32(wanted), UInt32(unwanted))
  connection.pointee.max_readahead = UInt32(1) << 20
  connection.pointee.max_background = 64
  connection.pointee.congestion_threshold = 48
}

/// The operations of the session a request belongs to.
private func serving(_ request: fuse_req_t) -> FuseOperations {
  Unmanaged<FuseOperations>.fromOpaque(fuse_req_userdata(request)).takeUnretainedValue()
}

private func bytes(_ text: UnsafePointer<CChar>) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(start: text, count: strlen(text))
}
