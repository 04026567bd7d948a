/* A line in the log: " name=TEXT" and " name=NUMBER". */
#ifndef UPDRAFT_MPS2_LOG_H
#define UPDRAFT_MPS2_LOG_H

#include <stdint.h>

void ud_mps2_log_text(const char *name, const char *text);
void ud_mps2_log_number(const char *name, uint64_t number);

#endif
