#include "CLinux.h"

static int argument_count;
static char **arguments;

// glibc gives every constructor what main is given.
__attribute__((constructor)) static void note_arguments(int count, char **values) {
  argument_count = count;
  arguments = values;
}

int clinux_argument_count(void) { return argument_count; }
const char *clinux_argument(int number) { return arguments[number]; }
