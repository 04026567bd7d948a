/* Inside the CoAP module: the rules of known options. */
#ifndef COAP_OPTION_H
#define COAP_OPTION_H

#include "updraft/coap.h"

/** May the option be that long? Always true for an option that is not known here. */
bool ud_coap_option_length_ok(uint16_t number, size_t len);

#endif
