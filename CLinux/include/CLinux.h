// Linux calls that Swift's Glibc module leaves out: variadic ones as plain functions, and headers it does not cover.
#ifndef BORGFS_CLINUX_H
#define BORGFS_CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <malloc.h>
#include <net/if.h>
#include <netdb.h>
#include <pwd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/// The words of the command line as the kernel gave them, the program's name first. Swift reads /proc for them, which
/// a rescue system may not have.
int clinux_argument_count(void);
const char *clinux_argument(int number);

// Declared by glibc only under _GNU_SOURCE, which Swift's own Glibc module is built without; the calls are there.
extern ssize_t getdents64(int fd, void *buffer, size_t length);
extern int pipe2(int ends[2], int flags);
extern int unshare(int flags);
extern int sync_file_range(int fd, off_t offset, off_t count, unsigned int flags);
extern ssize_t copy_file_range(int in, off_t *in_offset, int out, off_t *out_offset, size_t count, unsigned int flags);
enum {
  CLINUX_O_NOATIME = 01000000,
  CLINUX_O_PATH = 010000000,
  CLINUX_SEEK_DATA = 3,
  CLINUX_SEEK_HOLE = 4,
  CLINUX_SYNC_FILE_RANGE_WRITE = 2
};

/// What statx tells of an open file in one call: its status, and those inode flags (as of FS_IOC_GETFLAGS: append,
/// immutable, nodump) that the file system reports with it; `known_flags` has the flags that it would report.
struct clinux_status {
  struct statx status;
  unsigned int flags, known_flags;
};

extern int statx(int directory, const char *path, int flags, unsigned int mask, struct statx *status);

static inline unsigned int clinux_inode_flags(unsigned long long attributes) {
  return (attributes & STATX_ATTR_APPEND ? FS_APPEND_FL : 0) | (attributes & STATX_ATTR_IMMUTABLE ? FS_IMMUTABLE_FL : 0) |
         (attributes & STATX_ATTR_NODUMP ? FS_NODUMP_FL : 0);
}

static inline int clinux_statx(int directory, const char *name, int flags, struct clinux_status *result) {
  if (statx(directory, name, flags, STATX_BASIC_STATS, &result->status) < 0) return -1;
  result->flags = clinux_inode_flags(result->status.stx_attributes);
  result->known_flags = clinux_inode_flags(result->status.stx_attributes_mask);
  return 0;
}

static inline int clinux_status(int fd, struct clinux_status *result) {
  return clinux_statx(fd, "", 0x1000 /* AT_EMPTY_PATH */, result);
}

/// The same of a name in a directory; a link is not followed.
static inline int clinux_status_at(int directory, const char *name, struct clinux_status *result) {
  return clinux_statx(directory, name, AT_SYMLINK_NOFOLLOW, result);
}

/// Gives the calling thread a working directory of its own.
static inline int clinux_unshare_working_directory(void) { return unshare(0x200 /* CLONE_FS */); }

static inline dev_t clinux_makedev(unsigned int major, unsigned int minor) { return makedev(major, minor); }

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

/// fork(2), which Swift does not import. Only while the process has one thread.
static inline pid_t clinux_fork(void) { return fork(); }

/// wait(2) status macros.
static inline int clinux_exited(int status) { return WIFEXITED(status); }
static inline int clinux_exit_status(int status) { return WEXITSTATUS(status); }
static inline int clinux_term_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

/// The hardware address of the first interface with an address that is not all zeros, as a 48-bit number; 0 for none.
/// The same interface in the same order as libuuid looks at, from which Python's uuid.getnode() has it.
static inline unsigned long long clinux_hardware_node(void) {
  char buffer[4096];
  struct ifconf configuration;
  unsigned long long node = 0;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  memset(buffer, 0, sizeof buffer);
  configuration.ifc_len = sizeof buffer;
  configuration.ifc_buf = buffer;
  if (ioctl(fd, SIOCGIFCONF, &configuration) == 0) {
    int count = configuration.ifc_len / (int)sizeof(struct ifreq);
    for (int index = 0; index < count && node == 0; index++) {
      struct ifreq request;
      memset(&request, 0, sizeof request);
      memcpy(request.ifr_name, configuration.ifc_req[index].ifr_name, IFNAMSIZ);
      if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) continue;
      for (int byte = 0; byte < 6; byte++)
        node = node << 8 | (unsigned char)request.ifr_hwaddr.sa_data[byte];
    }
  }
  close(fd);
  return node;
}

/// The terminal's width in columns, or 0 when `fd` is no terminal.
static inline int clinux_terminal_columns(int fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

#endif
