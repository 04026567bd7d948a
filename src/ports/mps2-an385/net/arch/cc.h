/* What lwIP asks of a port. */
#ifndef UPDRAFT_MPS2_LWIP_CC_H
#define UPDRAFT_MPS2_LWIP_CC_H

#include <stdint.h>

_Noreturn void ud_panic(const char *file, int line, const char *what);
uint32_t ud_net_random(void);

#define LWIP_PLATFORM_DIAG(words)
#define LWIP_PLATFORM_ASSERT(what) ud_panic(__FILE__, __LINE__, what)
#define LWIP_RAND() ud_net_random()
#define LWIP_NO_INTTYPES_H 0

#endif
