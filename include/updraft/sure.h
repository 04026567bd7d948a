/*
 * A verdict that a glitched register does not read as success: 31 bits lie between the two values. It starts at
 * UD_SURE_NO, is compared with == UD_SURE_YES only, and in the bootloader is checked twice on different paths.
 */
#ifndef UPDRAFT_SURE_H
#define UPDRAFT_SURE_H

typedef enum ud_sure { UD_SURE_NO = 0x5a3c96e1, UD_SURE_YES = 0x25c3691e } ud_sure;

#endif
