// Nothing of its own: this module only says where libfuse 3 is and links it. CFuse.h includes its headers.
