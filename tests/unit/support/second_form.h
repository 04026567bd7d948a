/* The other form of an ECDSA signature: whoever has (r, s) has (r, n - s), which verifies as well. */
#ifndef UPDRAFT_TEST_SECOND_FORM_H
#define UPDRAFT_TEST_SECOND_FORM_H

#include <stdint.h>

/** Of P-256, in place; `signature` has 64 bytes. */
static inline void second_form(uint8_t *signature)
{
    static const uint8_t n[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        const int difference = n[i] - signature[32 + i] - borrow;
        borrow = difference < 0;
        signature[32 + i] = (uint8_t)(difference + (borrow != 0 ? 256 : 0));
    }
}

#endif
