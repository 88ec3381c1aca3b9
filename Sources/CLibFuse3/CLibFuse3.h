#define _FILE_OFFSET_BITS 64
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
