#ifndef BORGFS_CZLIB_H
#define BORGFS_CZLIB_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#if defined(__x86_64__)
typedef long long czlib_block __attribute__((vector_size(16)));

#define CZLIB_FOLD(block, factors)                                 \
  (__builtin_ia32_pclmulqdq128((block), (factors), 0x00) ^         \
   __builtin_ia32_pclmulqdq128((block), (factors), 0x11))

static inline czlib_block czlib_load(const unsigned char *bytes) {
  czlib_block block;
  memcpy(&block, bytes, sizeof block);
  return block;
}

/// Folds the message into 16 bytes with the same remainder by carry-less multiplication (Gopal et al., "Fast CRC
/// computation for generic polynomials using PCLMULQDQ instruction", Intel 2009), and leaves these to zlib. `count` is
/// at least 64. The factors are x^(512+32), x^(512-32), x^(128+32) and x^(128-32) modulo the polynomial, reflected.
__attribute__((target("pclmul,sse2"))) static inline uint32_t czlib_crc32_folding(
    uint32_t crc, const unsigned char *bytes, size_t count) {
  const czlib_block by64 = {0x154442bd4, 0x1c6e41596};
  const czlib_block by16 = {0x1751997d0, 0x0ccaa009e};
  const czlib_block start = {(long long)(uint32_t)~crc, 0};
  czlib_block a = czlib_load(bytes) ^ start, b = czlib_load(bytes + 16);
  czlib_block c = czlib_load(bytes + 32), d = czlib_load(bytes + 48);
  for (bytes += 64, count -= 64; count >= 64; bytes += 64, count -= 64) {
    a = CZLIB_FOLD(a, by64) ^ czlib_load(bytes);
    b = CZLIB_FOLD(b, by64) ^ czlib_load(bytes + 16);
    c = CZLIB_FOLD(c, by64) ^ czlib_load(bytes + 32);
    d = CZLIB_FOLD(d, by64) ^ czlib_load(bytes + 48);
  }
  b ^= CZLIB_FOLD(a, by16);
  c ^= CZLIB_FOLD(b, by16);
  d ^= CZLIB_FOLD(c, by16);
  for (; count >= 16; bytes += 16, count -= 16) d = CZLIB_FOLD(d, by16) ^ czlib_load(bytes);
  unsigned char folded[16];
  memcpy(folded, &d, sizeof folded);
  // zlib inverts its register: this value stands for one that is all zeros.
  crc = (uint32_t)crc32_z(0xffffffff, folded, sizeof folded);
  return (uint32_t)crc32_z(crc, bytes, count);
}
#endif

/// zlib's crc32_z, several times faster where the processor multiplies without carry.
static inline uint32_t czlib_crc32(uint32_t crc, const unsigned char *bytes, size_t count) {
#if defined(__x86_64__)
  if (count >= 128 && __builtin_cpu_supports("pclmul")) return czlib_crc32_folding(crc, bytes, count);
#endif
  return (uint32_t)crc32_z(crc, bytes, count);
}

#endif
