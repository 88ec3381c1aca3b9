#include "CFuse.h"

#include <string.h>

struct fuse_session *cfuse_session_new(
    int argument_count, char **arguments, const struct fuse_lowlevel_ops *operations, void *context) {
  struct fuse_args args = FUSE_ARGS_INIT(argument_count, arguments);
  struct fuse_session *session = fuse_session_new(&args, operations, sizeof *operations, context);
  fuse_opt_free_args(&args);
  return session;
}

int cfuse_session_serve(struct fuse_session *session, unsigned int threads, int clones_descriptor) {
  struct fuse_loop_config *config = fuse_loop_cfg_create();
  if (config == NULL) return -12;
  fuse_loop_cfg_set_clone_fd(config, clones_descriptor ? 1 : 0);
  fuse_loop_cfg_set_max_threads(config, threads);
  int result = fuse_session_loop_mt(session, config);
  fuse_loop_cfg_destroy(config);
  return result;
}

void cfuse_want(struct fuse_conn_info *connection, unsigned int wanted, unsigned int unwanted) {
  connection->want |= connection->capable & wanted;
  connection->want &= ~unwanted;
}

int cfuse_reply_open_cached(fuse_req_t request, struct fuse_file_info *file, uint64_t handle) {
  file->fh = handle;
  file->keep_cache = 1;
  file->cache_readdir = 1;
  file->noflush = 1;
  return fuse_reply_open(request, file);
}

int cfuse_store(struct fuse_session *session, fuse_ino_t inode, const void *bytes, size_t size) {
  struct fuse_bufvec content = FUSE_BUFVEC_INIT(size);
  content.buf[0].mem = (void *)bytes;
  return fuse_lowlevel_notify_store(session, inode, 0, &content, 0);
}

size_t cfuse_add_entry(
    fuse_req_t request, char *buffer, size_t size, const char *name, size_t name_length,
    const struct stat *attributes, const struct fuse_entry_param *entry, off_t next_offset) {
  char text[512];
  if (name_length == 0 || name_length >= sizeof text) return 0;
  memcpy(text, name, name_length);
  text[name_length] = 0;
  if (entry != NULL) return fuse_add_direntry_plus(request, buffer, size, text, entry, next_offset);
  return fuse_add_direntry(request, buffer, size, text, attributes, next_offset);
}
