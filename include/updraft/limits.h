/*
 * Every limit that input can reach (promise P6), in one place. A port may set its own by -D; each has an error and
 * a test. docs/formats.md repeats the figures.
 */
#ifndef UPDRAFT_LIMITS_H
#define UPDRAFT_LIMITS_H

#ifndef UD_CBOR_DEPTH_MAX
#define UD_CBOR_DEPTH_MAX 16 /* arrays, maps and tags within each other */
#endif
#ifndef UD_COSE_HEADERS_MAX
#define UD_COSE_HEADERS_MAX 8 /* labels of both header maps of one object together */
#endif
#ifndef UD_COSE_PROOFS_MAX
#define UD_COSE_PROOFS_MAX 8 /* signers of one COSE_Sign */
#endif
#ifndef UD_ENCRYPT_RECIPIENTS_MAX
#define UD_ENCRYPT_RECIPIENTS_MAX                                                                              \
    8 /* of one encrypted image; a larger group shares a key or gets several manifests */
#endif
#ifndef UD_SUIT_COMPONENTS_MAX
#define UD_SUIT_COMPONENTS_MAX 8
#endif
#ifndef UD_SUIT_DEPENDENCIES_MAX
#define UD_SUIT_DEPENDENCIES_MAX 3 /* manifests of a tree beside the root */
#endif
#ifndef UD_SUIT_SEVERABLE_MAX
#define UD_SUIT_SEVERABLE_MAX 6 /* members that may be severed; 3 for the core alone */
#endif
#ifndef UD_SUIT_PARAMS_MAX
#define UD_SUIT_PARAMS_MAX                                                                                     \
    18 /* parameters of a component; 11 for the core alone, 19 with patches in manifests */
#endif
#ifndef UD_SUIT_ANSWERS_MAX
#define UD_SUIT_ANSWERS_MAX 256 /* commands that a journal remembers; a multiple of 8 */
#endif
#ifndef UD_SUIT_SIGNATURES_MAX
#define UD_SUIT_SIGNATURES_MAX 8 /* authentication blocks of one envelope */
#endif
#ifndef UD_SUIT_NESTING_MAX
#define UD_SUIT_NESTING_MAX 4 /* try-each and run-sequence within each other */
#endif
#ifndef UD_SUIT_COMMANDS_MAX
#define UD_SUIT_COMMANDS_MAX 256 /* commands of one sequence, and executed in one section, loops included */
#endif
#ifndef UD_COMPONENT_ID_BYTES_MAX
#define UD_COMPONENT_ID_BYTES_MAX 64 /* encoded component identifier */
#endif
#ifndef UD_URI_BYTES_MAX
#define UD_URI_BYTES_MAX 512
#endif
#ifndef UD_TRUST_KEYS_MAX
#define UD_TRUST_KEYS_MAX 8
#endif
#ifndef UD_TRUST_GROUPS_MAX
#define UD_TRUST_GROUPS_MAX 4
#endif
#ifndef UD_TRUST_STORE_BYTES_MAX
#define UD_TRUST_STORE_BYTES_MAX 8192 /* signed, with its links; kept in RAM as long as it is in force */
#endif
#ifndef UD_TRUST_LINKS_MAX
#define UD_TRUST_LINKS_MAX 4 /* changes of the roots since a device was made */
#endif
#ifndef UD_COMPONENTS_MAX
#define UD_COMPONENTS_MAX 8 /* of a device; up to 8. A build with at most 4 is smaller */
#endif
#ifndef UD_REPORT_BYTES_MAX
#define UD_REPORT_BYTES_MAX 2048 /* signed, encoded */
#endif
#ifndef UD_REPORT_RECORDS_MAX
#define UD_REPORT_RECORDS_MAX 8 /* that an agent remembers; the oldest goes */
#endif
#ifndef UD_COAP_MESSAGE_BYTES_MAX
#define UD_COAP_MESSAGE_BYTES_MAX 2048 /* one datagram: a 1024-byte block and its options, with room to spare */
#endif
#ifndef UD_COAP_OPTIONS_MAX
#define UD_COAP_OPTIONS_MAX 64 /* of one message */
#endif
#ifndef UD_COAP_REPLY_BYTES_MAX
#define UD_COAP_REPLY_BYTES_MAX 80 /* kept to answer a duplicate; a Location with a 32-character id fits */
#endif
#ifndef UD_COAP_REPLIES_BYTES_MAX
#define UD_COAP_REPLIES_BYTES_MAX                                                                              \
    96 /* of all that are kept for one peer: a long one, or half a dozen ordinary ones */
#endif
#ifndef UD_LINKS_MAX
#define UD_LINKS_MAX 1024 /* of one registration or discovery */
#endif
#ifndef UD_LWM2M_RECORDS_MAX
#define UD_LWM2M_RECORDS_MAX 1024 /* values in one LwM2M payload */
#endif
#ifndef UD_SMP_LINE_BYTES_MAX
#define UD_SMP_LINE_BYTES_MAX 128 /* of the bootloader's serial protocol, without its end */
#endif
#ifndef UD_SMP_MESSAGE_BYTES_MAX
#define UD_SMP_MESSAGE_BYTES_MAX 512
#endif
#define UD_NONCE_BYTES 16
#define UD_UUID_BYTES 16
#define UD_DEVICE_NAME_BYTES_MAX 256

#endif
