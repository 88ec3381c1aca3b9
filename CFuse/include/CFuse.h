#ifndef CFUSE_H
#define CFUSE_H
#endif
