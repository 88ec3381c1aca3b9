// libfuse's low-level API as plain functions: its version is pinned here, and what libfuse offers as a macro or a
// versioned inline becomes a function.
#ifndef BORGFS_CFUSE_H
#define BORGFS_CFUSE_H

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

/// A new session that serves `operations`; NULL, after libfuse has said why, when `arguments` hold an unknown option.
struct fuse_session *cfuse_session_new(
    int argument_count, char **arguments, const struct fuse_lowlevel_ops *operations, void *context);

/// Serves requests with up to `threads` threads until the file system is unmounted or the session is told to exit.
/// 0, or a negative errno.
int cfuse_session_serve(struct fuse_session *session, unsigned int threads, int clones_descriptor);

/// What a reply to `init` may set: what the kernel can do is switched on where `wanted` asks for it.
void cfuse_want(struct fuse_conn_info *connection, unsigned int wanted, unsigned int unwanted);

/// Answers `open` or `opendir`: the kernel keeps the file's pages, or the directory's entries, from one to the next.
int cfuse_reply_open_cached(fuse_req_t request, struct fuse_file_info *file, uint64_t handle);

/// Puts a file's first bytes into the kernel's page cache. 0, or a negative errno: the kernel may not know the inode.
int cfuse_store(struct fuse_session *session, fuse_ino_t inode, const void *bytes, size_t size);

/// Appends one directory entry with `name_length` bytes of name; the length it takes, more than `size` when it does
/// not fit, 0 when the name cannot be sent. `entry` NULL: a plain entry with `attributes`' inode and type.
size_t cfuse_add_entry(
    fuse_req_t request, char *buffer, size_t size, const char *name, size_t name_length,
    const struct stat *attributes, const struct fuse_entry_param *entry, off_t next_offset);

#endif
