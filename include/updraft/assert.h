/*
 * Contracts (style: our own bug, never input). On in tests, simulation, fuzzing and on the server; on a device the
 * port's ud_panic() resets, which in the bootloader means fall back, never continue.
 */
#ifndef UPDRAFT_ASSERT_H
#define UPDRAFT_ASSERT_H

/* Given by the port. Must not return. */
_Noreturn void ud_panic(const char *file, int line, const char *what);

#ifdef UD_ASSERT_WORDLESS /* for a device that shows no words */
#define UD_ASSERT(condition) ((condition) ? (void)0 : ud_panic("", 0, ""))
#else
#define UD_ASSERT(condition) ((condition) ? (void)0 : ud_panic(__FILE__, __LINE__, #condition))
#endif

#endif
