// The bench's yardstick: a FUSE file system that holds a folder's names and attributes in memory and its files' bytes
// mapped, and leaves to the kernel all that can be left to it. What no archive mount can be faster than.
//
//     cc -O2 memoryfs.c $(pkg-config --cflags --libs fuse3) -o memoryfs
//     memoryfs FOLDER MOUNTPOINT        serves in the foreground until it is unmounted
#define _GNU_SOURCE
#define FUSE_USE_VERSION 314
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

struct node {
  char *name;
  uint32_t parent, first_child, next, hash_next;
  struct stat attributes;
  char *bytes;  // of a file: mapped; of a link: its target
  int has_xattrs;
};

static struct node *nodes;
static uint32_t count, capacity;
static uint32_t *slots;
static uint32_t slot_mask;
static const double endless = 31536000.0;

static uint32_t hash(const char *name, uint32_t parent) {
  uint32_t value = parent * 2654435761u;
  for (; *name; name++) value = (value ^ (unsigned char)*name) * 16777619u;
  return value ^ value >> 15;
}

static uint32_t add(const char *name, uint32_t parent, const struct stat *attributes) {
  if (count == capacity) {
    capacity = capacity ? capacity * 2 : 1024;
    nodes = realloc(nodes, capacity * sizeof *nodes);
    if (nodes == NULL) abort();
  }
  nodes[count] = (struct node){.name = strdup(name), .parent = parent, .attributes = *attributes};
  nodes[count].attributes.st_ino = count + 1;
  return count++;
}

static void load(const char *path, uint32_t directory) {
  DIR *stream = opendir(path);
  if (stream == NULL) { perror(path); exit(1); }
  uint32_t last = 0;
  for (struct dirent *entry; (entry = readdir(stream));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    char *child;
    struct stat attributes;
    if (asprintf(&child, "%s/%s", path, entry->d_name) < 0 || lstat(child, &attributes) < 0) exit(1);
    uint32_t number = add(entry->d_name, directory, &attributes);
    if (last) nodes[last].next = number; else nodes[directory].first_child = number;
    last = number;
    nodes[number].has_xattrs = llistxattr(child, NULL, 0) > 0;
    if (S_ISDIR(attributes.st_mode)) load(child, number);
    if (S_ISLNK(attributes.st_mode)) {
      char target[PATH_MAX + 1] = "";
      if (readlink(child, target, PATH_MAX) < 0) exit(1);
      nodes[number].bytes = strdup(target);
    }
    if (S_ISREG(attributes.st_mode) && attributes.st_size > 0) {
      int descriptor = open(child, O_RDONLY);
      if (attributes.st_size < 65536) {
        nodes[number].bytes = malloc((size_t)attributes.st_size);
        if (read(descriptor, nodes[number].bytes, (size_t)attributes.st_size) != attributes.st_size) exit(1);
      } else {
        nodes[number].bytes = mmap(NULL, (size_t)attributes.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
        if (nodes[number].bytes == MAP_FAILED) { perror(child); exit(1); }
      }
      close(descriptor);
    }
    free(child);
  }
  closedir(stream);
}

static void index_names(void) {
  uint32_t size = 1024;
  while (size < count * 2) size *= 2;
  slots = calloc(size, sizeof *slots);
  slot_mask = size - 1;
  for (uint32_t number = 1; number < count; number++) {
    uint32_t *slot = &slots[hash(nodes[number].name, nodes[number].parent) & slot_mask];
    nodes[number].hash_next = *slot;
    *slot = number;
  }
}

static struct fuse_entry_param entry_of(uint32_t number) {
  return (struct fuse_entry_param){
      .ino = number + 1, .attr = nodes[number].attributes, .attr_timeout = endless, .entry_timeout = endless};
}

static void start(void *context, struct fuse_conn_info *connection) {
  connection->want |= connection->capable
      & (FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_READDIRPLUS | FUSE_CAP_PARALLEL_DIROPS
          | FUSE_CAP_ASYNC_READ | FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT);
  connection->want &= ~(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE
      | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_AUTO_INVAL_DATA);
  connection->max_readahead = 1 << 20;
  connection->max_background = 64;
  connection->congestion_threshold = 48;
}

static void look_up(fuse_req_t request, fuse_ino_t parent, const char *name) {
  uint32_t number = slots[hash(name, (uint32_t)parent - 1) & slot_mask];
  while (number && (nodes[number].parent != parent - 1 || strcmp(nodes[number].name, name)))
    number = nodes[number].hash_next;
  struct fuse_entry_param entry = {.entry_timeout = endless};
  if (number) entry = entry_of(number);
  fuse_reply_entry(request, &entry);
}

static void get_attributes(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file) {
  fuse_reply_attr(request, &nodes[inode - 1].attributes, endless);
}

static void read_link(fuse_req_t request, fuse_ino_t inode) { fuse_reply_readlink(request, nodes[inode - 1].bytes); }

// An offset is the number of the entry after `.` (1) and `..` (2), plus 3.
static void list(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *file) {
  char *buffer = malloc(size);
  size_t used = 0;
  for (off_t dot = offset; dot < 2; dot++) {
    struct fuse_entry_param entry = entry_of(dot ? nodes[inode - 1].parent : (uint32_t)inode - 1);
    used += fuse_add_direntry_plus(request, buffer + used, size - used, dot ? ".." : ".", &entry, dot + 1);
  }
  uint32_t number = offset < 3 ? nodes[inode - 1].first_child : nodes[offset - 3].next;
  while (number) {
    struct fuse_entry_param entry = entry_of(number);
    size_t length =
        fuse_add_direntry_plus(request, buffer + used, size - used, nodes[number].name, &entry, (off_t)number + 3);
    if (length > size - used) break;
    used += length;
    number = nodes[number].next;
  }
  fuse_reply_buf(request, buffer, used);
  free(buffer);
}

static void read_file(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *file) {
  off_t end = nodes[inode - 1].attributes.st_size;
  if (offset >= end) size = 0;
  else if ((off_t)size > end - offset) size = (size_t)(end - offset);
  fuse_reply_buf(request, size ? nodes[inode - 1].bytes + offset : NULL, size);
}

static void refuse(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file) {
  fuse_reply_err(request, ENOSYS);
}

static void list_xattrs(fuse_req_t request, fuse_ino_t inode, size_t size) { fuse_reply_xattr(request, 0); }

static void get_xattr(fuse_req_t request, fuse_ino_t inode, const char *name, size_t size) {
  fuse_reply_err(request, ENODATA);
}

static void forget(fuse_req_t request, fuse_ino_t inode, uint64_t lookups) { fuse_reply_none(request); }

int main(int argument_count, char **arguments) {
  if (argument_count != 3) return 2;
  struct stat root;
  if (stat(arguments[1], &root) < 0) { perror(arguments[1]); return 1; }
  add("", 0, &root);
  load(arguments[1], 0);
  index_names();
  struct fuse_lowlevel_ops operations = {
      .init = start, .lookup = look_up, .getattr = get_attributes, .readlink = read_link, .readdirplus = list,
      .read = read_file, .open = refuse, .opendir = refuse, .listxattr = list_xattrs, .getxattr = get_xattr,
      .forget = forget};
  char *options[] = {arguments[0], "-o", "fsname=memoryfs,ro,default_permissions", NULL};
  struct fuse_args fuse_arguments = FUSE_ARGS_INIT(3, options);
  struct fuse_session *session = fuse_session_new(&fuse_arguments, &operations, sizeof operations, NULL);
  if (session == NULL || fuse_session_mount(session, arguments[2]) != 0) return 1;
  struct fuse_loop_config *config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_clone_fd(config, 1);
  int result = fuse_session_loop_mt(session, config);
  fuse_session_unmount(session);
  return result != 0;
}
