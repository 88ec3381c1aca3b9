// Linux calls that Swift's Glibc module leaves out: variadic ones as plain functions, and headers it does not cover.
#ifndef BORGFS_CLINUX_H
#define BORGFS_CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/// The inode flags (FS_IOC_GETFLAGS) of an open file; -1 and errno on failure.
static inline int clinux_get_inode_flags(int fd, unsigned int *flags) {
  int value = 0;
  int result = ioctl(fd, FS_IOC_GETFLAGS, &value);
  *flags = (unsigned int)value;
  return result;
}

/// Sets the inode flags (FS_IOC_SETFLAGS) of an open file.
static inline int clinux_set_inode_flags(int fd, unsigned int flags) {
  int value = (int)flags;
  return ioctl(fd, FS_IOC_SETFLAGS, &value);
}

static inline int clinux_openat(int directory, const char *path, int flags, mode_t mode) {
  return openat(directory, path, flags, mode);
}

static inline unsigned int clinux_major(dev_t device) { return major(device); }
static inline unsigned int clinux_minor(dev_t device) { return minor(device); }

/// wait(2) status macros.
static inline int clinux_exited(int status) { return WIFEXITED(status); }
static inline int clinux_exit_status(int status) { return WEXITSTATUS(status); }
static inline int clinux_term_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

/// The terminal's width in columns, or 0 when `fd` is no terminal.
static inline int clinux_terminal_columns(int fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

#endif
