/* Manifests that are signed and yet refused, each with its error and the place; severable members; limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper_envelope.h"
#include "hex.h"
#include "updraft/cbor.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define ONES16 "01010101010101010101010101010101"
#define THREES32 "0303030303030303030303030303030303030303030303030303030303030303"
#define DIGEST "822f<" THREES32 ">"
#define SHARED "86 14a2 01<" ONES16 "> 02<" ONES16 "> 010f 020f"
#define COMMON "03<a2 0281814100 04<" SHARED ">>"
#define TWO_SHARED "88 0c00 14a2 01<" ONES16 "> 02<" ONES16 "> 010f 020f"
#define TWO_COMMON "03<a2 0282814100814101 04<" TWO_SHARED ">>"

/* A manifest with this shared sequence, validate sequence, argument of override in validate; one or two components. */
#define WITH_SHARED(sequence) "a3 0101 0207 03<a2 0281814100 04<" sequence ">>"
#define WITH_VALIDATE(sequence) "a4 0101 0207 " COMMON "07<" sequence ">"
#define WITH_PARAMS(map) WITH_VALIDATE("82 14" map)
#define TWO_VALIDATE(sequence) "a4 0101 0207 " TWO_COMMON "07<" sequence ">"

struct row {
    const char *name;
    const char *manifest;
    ud_err want;
    const char *at; /* bytes that stand at the offset told; "" not looked at */
};

static const struct row shapes[] = {
    {"as small as it can be", "a3 0101 0207 " COMMON, UD_OK, ""},
    {"greatest sequence number", "a3 0101 021bffffffffffffffff " COMMON, UD_OK, ""},
    {"no map", "80", UD_ERR_SHAPE, "80"},
    {"empty map", "a0", UD_ERR_MISSING, ""},
    {"map of indefinite length", "bf 0101 0207 " COMMON "ff", UD_ERR_NOT_DETERMINISTIC, "bf"},
    {"map count in two bytes", "b803 0101 0207 " COMMON, UD_ERR_NOT_DETERMINISTIC, "b8"},
    {"bare manifest tag", "d9042e a3 0101 0207 " COMMON, UD_ERR_SHAPE, "d9"},
    {"one pair more than there is", "a4 0101 0207 " COMMON, UD_ERR_TRUNCATED, ""},
    {"bytes behind the map", "a3 0101 0207 " COMMON "00", UD_ERR_TRAILING, "00"},
    {"version missing", "a2 0207 " COMMON, UD_ERR_MISSING, "02"},
    {"version 0", "a3 0100 0207 " COMMON, UD_ERR_VERSION, "00"},
    {"version 2", "a3 0102 0207 " COMMON, UD_ERR_VERSION, "02"},
    {"version 2 with what we do not know", "a2 0102 1818f5", UD_ERR_VERSION, "02"},
    {"version as text", "a3 016131 0207 " COMMON, UD_ERR_SHAPE, "6131"},
    {"sequence number missing", "a2 0101 " COMMON, UD_ERR_MISSING, ""},
    {"sequence number negative", "a3 0101 0220 " COMMON, UD_ERR_SHAPE, "20"},
    {"common missing", "a2 0101 0207", UD_ERR_MISSING, ""},
    {"common empty", "a3 0101 0207 0340", UD_ERR_TRUNCATED, ""},
    {"common not wrapped", "a3 0101 0207 03a10281814100", UD_ERR_SHAPE, "a1"},
    {"label 0", "a4 0000 0101 0207 " COMMON, UD_ERR_MISSING, "00"},
    {"negative label", "a4 0101 0207 " COMMON "2000", UD_ERR_LABEL_UNKNOWN, "20"},
    {"text label", "a4 0101 0207 " COMMON "616100", UD_ERR_SHAPE, "6161"},
    {"component id of the manifest (5)", "a4 0101 0207 " COMMON "0581 4100", UD_OK, ""},
    {"component id of the manifest is text", "a4 0101 0207 " COMMON "056100", UD_ERR_SHAPE, "6100"},
    {"set version (6)", "a4 0101 0207 " COMMON "06<8101>", UD_OK, ""},
    {"set version with bytes behind it", "a4 0101 0207 " COMMON "06<810100>", UD_ERR_TRAILING, "00"},
    {"coswid (14)", "a4 0101 0207 " COMMON "0e<a0>", UD_OK, ""},
    {"coswid severed, and gone", "a4 0101 0207 " COMMON "0e" DIGEST, UD_OK, ""},
    {"dependency resolution (15)", "a4 0101 0207 " COMMON "0f<82030f>", UD_OK, ""},
    {"dependency resolution looked over", "a4 0101 0207 " COMMON "0f<82000f>", UD_ERR_COMMAND, "000f"},
    {"candidate verification (18)", "a4 0101 0207 " COMMON "12<82030f>", UD_OK, ""},
    {"uninstall (24)", "a4 0101 0207 " COMMON "1818<82030f>", UD_OK, ""},
    {"uninstall severed", "a4 0101 0207 " COMMON "1818" DIGEST, UD_ERR_SHAPE, "82"},
    {"label 10", "a4 0101 0207 " COMMON "0a<82030f>", UD_ERR_LABEL_UNKNOWN, "0a"},
    {"label 25", "a4 0101 0207 " COMMON "1819<82030f>", UD_ERR_LABEL_UNKNOWN, "1819"},
    {"sequence number twice", "a4 0101 0207 0207 " COMMON, UD_ERR_DUPLICATE, "0207"},
    {"sequence number after common", "a3 0101 " COMMON "0207", UD_ERR_NOT_DETERMINISTIC, "0207"},
    {"reference URI as bytes", "a4 0101 0207 " COMMON "044161", UD_ERR_SHAPE, "4161"},
    {"reference URI no UTF-8", "a4 0101 0207 " COMMON "0461ff", UD_ERR_TEXT, "61ff"},
    {"validate not wrapped", "a4 0101 0207 " COMMON "0782030f", UD_ERR_SHAPE, "82030f"},
    {"validate severed", "a4 0101 0207 " COMMON "07" DIGEST, UD_ERR_SHAPE, "82"},
    {"validate empty", "a4 0101 0207 " COMMON "0740", UD_ERR_TRUNCATED, ""},
    {"install empty", "a4 0101 0207 " COMMON "1440", UD_ERR_TRUNCATED, ""},
    {"digest of a member of another algorithm", "a4 0101 0207 " COMMON "14 82382a<" THREES32 ">",
     UD_ERR_ALGORITHM, "382a"},
    {"digest of a member too short", "a4 0101 0207 " COMMON "14 822f<" ONES16 ">", UD_ERR_SHAPE, "50"},
    {"digest of a member with an extension", "a4 0101 0207 " COMMON "14 832f<" THREES32 ">00", UD_ERR_SHAPE,
     "832f"},
    {"text that is no map", "a4 0101 0207 " COMMON "17<80>", UD_ERR_SHAPE, "80"},
    {"text with bytes behind it", "a4 0101 0207 " COMMON "17<a000>", UD_ERR_TRAILING, "00"},
};

static const struct row commons[] = {
    {"empty", "a3 0101 0207 03<a0>", UD_ERR_MISSING, ""},
    {"bytes behind it", "a3 0101 0207 03<a1 0281814100 00>", UD_ERR_TRAILING, "00"},
    {"without a shared sequence", "a3 0101 0207 03<a1 0281814100>", UD_OK, ""},
    {"without components", "a3 0101 0207 03<a1 04<" SHARED ">>", UD_ERR_MISSING, ""},
    {"no component", "a3 0101 0207 03<a1 0280>", UD_ERR_MISSING, "80"},
    {"eight components", "a3 0101 0207 03<a1 0288 814100 814101 814102 814103 814104 814105 814106 814107>",
     UD_OK, ""},
    {"nine components",
     "a3 0101 0207 03<a1 0289 814100 814101 814102 814103 814104 814105 814106 814107 814108>", UD_ERR_LIMIT,
     "89"},
    {"a component twice", "a3 0101 0207 03<a1 0283 814100 814101 814100>", UD_ERR_DUPLICATE, "814100"},
    {"component id is no array", "a3 0101 0207 03<a1 02814100>", UD_ERR_SHAPE, "4100"},
    {"component id holds text", "a3 0101 0207 03<a1 0281816161>", UD_ERR_SHAPE, "6161"},
    {"component id of 64 bytes",
     "a3 0101 0207 03<a1 0281 81583d" ONES16 ONES16 ONES16 "01010101010101010101010101>", UD_OK, ""},
    {"component id of 65 bytes",
     "a3 0101 0207 03<a1 0281 81583e" ONES16 ONES16 ONES16 "0101010101010101010101010101>", UD_ERR_LIMIT,
     "81583e"},
    {"a component that is a dependency", "a3 0101 0207 03<a2 01a100a0 0281814100>", UD_OK, ""},
    {"a dependency beside the components", "a3 0101 0207 03<a2 01a101a10181 4155 0281814100>", UD_OK, ""},
    {"three of them", "a3 0101 0207 03<a2 01a301a10181 4155 02a10181 4156 03a10181 4157 0281814100>", UD_OK,
     ""},
    {"a component and three of them",
     "a3 0101 0207 03<a2 01a400a0 01a10181 4155 02a10181 4156 03a10181 4157 0281814100>", UD_OK, ""},
    {"four of them",
     "a3 0101 0207 03<a2 01a401a10181 4155 02a10181 4156 03a10181 4157 04a10181 4158 0281814100>", UD_ERR_LIMIT,
     "04a1"},
    {"a gap before a dependency", "a3 0101 0207 03<a2 01a102a10181 4155 0281814100>", UD_ERR_INDEX, "02a1"},
    {"a dependency of index 2^32", "a3 0101 0207 03<a2 01a11b0000000100000000a0 0281814100>", UD_ERR_INDEX,
     "1b"},
    {"a dependency without a prefix", "a3 0101 0207 03<a2 01a101a0 0281814100>", UD_ERR_MISSING, "01a0"},
    {"no dependency", "a3 0101 0207 03<a2 01a0 0281814100>", UD_ERR_SHAPE, ""},
    {"a dependency twice", "a3 0101 0207 03<a2 01a200a000a0 0281814100>", UD_ERR_DUPLICATE, "00a0"},
    {"unknown metadata of a dependency", "a3 0101 0207 03<a2 01a100a10200 0281814100>", UD_ERR_LABEL_UNKNOWN,
     ""},
    {"metadata of a dependency is no map", "a3 0101 0207 03<a2 01a10000 0281814100>", UD_ERR_SHAPE, "0002"},
    {"a prefix that is no id", "a3 0101 0207 03<a2 01a101a1016155 0281814100>", UD_ERR_SHAPE, "6155"},
    {"label 3", "a3 0101 0207 03<a2 0281814100 0340>", UD_ERR_LABEL_UNKNOWN, "0340"},
    {"label 0", "a3 0101 0207 03<a2 0000 0281814100>", UD_ERR_LABEL_UNKNOWN, "00"},
    {"components twice", "a3 0101 0207 03<a2 0281814100 0281814100>", UD_ERR_DUPLICATE, "028181"},
    {"shared sequence not wrapped", "a3 0101 0207 03<a2 0281814100 0482010f>", UD_ERR_SHAPE, "82010f"},
};

static const struct row sequences[] = {
    {"empty", WITH_VALIDATE("80"), UD_ERR_SHAPE, "80"},
    {"no array", WITH_VALIDATE("a1030f"), UD_ERR_SHAPE, "a1"},
    {"odd length", WITH_VALIDATE("83 030f 03"), UD_ERR_SHAPE, "83"},
    {"shorter than it says", WITH_VALIDATE("84 030f"), UD_ERR_TRUNCATED, ""},
    {"bytes behind it", WITH_VALIDATE("82 030f 00"), UD_ERR_TRAILING, "00"},
    {"command 0", WITH_VALIDATE("82 000f"), UD_ERR_COMMAND, "000f"},
    {"conditions of update management", WITH_VALIDATE("8a 040f 18190f 181a0f 181b0f 181c0f"), UD_OK, ""},
    {"the same in the shared sequence", WITH_SHARED("8a 040f 18190f 181a0f 181b0f 181c0f"), UD_OK, ""},
    {"wait", WITH_VALIDATE("82 181d0f"), UD_OK, ""},
    {"wait in the shared sequence", WITH_SHARED("82 181d0f"), UD_ERR_INSECURE_ORDER, "181d"},
    {"commands of trust domains", WITH_VALIDATE("8a 070f 080f 0b0f 13a0 18210f"), UD_OK, ""},
    {"process dependency in the shared sequence", WITH_SHARED("82 0b0f"), UD_ERR_INSECURE_ORDER, "0b0f"},
    {"dependency integrity in the shared sequence", WITH_SHARED("82 070f"), UD_ERR_INSECURE_ORDER, "070f"},
    {"unlink in the shared sequence", WITH_SHARED("82 18210f"), UD_ERR_INSECURE_ORDER, "1821"},
    {"override multiple", WITH_VALIDATE("82 1822a100a10500"), UD_OK, ""},
    {"override multiple of nothing", WITH_VALIDATE("82 1822a0"), UD_ERR_SHAPE, ""},
    {"override multiple of a component that is not there", WITH_VALIDATE("82 1822a101a0"), UD_ERR_INDEX,
     "01a0"},
    {"override multiple with an unknown parameter", WITH_VALIDATE("82 1822a100a10600"), UD_ERR_PARAMETER,
     "0600"},
    {"override multiple, a component twice", WITH_VALIDATE("82 1822a200a000a0"), UD_ERR_DUPLICATE, "00a0"},
    {"override multiple with soft failure at top level", WITH_VALIDATE("82 1822a100a10df5"),
     UD_ERR_INSECURE_ORDER, "f5"},
    {"copy params", WITH_VALIDATE("82 1823a100820315"), UD_OK, ""},
    {"copy params of an unknown label", WITH_VALIDATE("82 1823a100820306"), UD_ERR_PARAMETER, ""},
    {"copy params of soft failure", WITH_VALIDATE("82 1823a100810d"), UD_ERR_PARAMETER, ""},
    {"copy params of a component that is not there", WITH_VALIDATE("82 1823a1018103"), UD_ERR_INDEX, "0181"},
    {"custom command", WITH_VALIDATE("82 390100 f6"), UD_ERR_COMMAND, "390100"},
    {"command 257, whose low byte is 1", WITH_VALIDATE("82 190101 0f"), UD_ERR_COMMAND, "190101"},
    {"command as text", WITH_VALIDATE("82 6161 0f"), UD_ERR_SHAPE, "6161"},
    {"unknown command behind a good one", WITH_VALIDATE("84 030f 181e0f"), UD_ERR_COMMAND, "181e"},
    {"unknown command in the last branch", WITH_VALIDATE("82 0f82 <82030f> <82180f00>"),
     UD_ERR_NOT_DETERMINISTIC, "180f"},
    {"unknown command in a run-sequence in a try-each", WITH_VALIDATE("82 0f82 <82030f> <82 1820<82 1824 0f>>"),
     UD_ERR_COMMAND, "1824"},
    {"policy of five bits", WITH_VALIDATE("82 0310"), UD_ERR_NUMBER_RANGE, "10"},
    {"policy negative", WITH_VALIDATE("82 0320"), UD_ERR_SHAPE, "20"},
    {"policy nil", WITH_VALIDATE("82 03f6"), UD_ERR_SHAPE, "f6"},
    {"index 1 of one", WITH_VALIDATE("82 0c01"), UD_ERR_INDEX, "01"},
    {"index 2^32", WITH_VALIDATE("82 0c1b0000000100000000"), UD_ERR_INDEX, "1b"},
    {"index false", WITH_VALIDATE("82 0cf4"), UD_ERR_SHAPE, "f4"},
    {"index nil", WITH_VALIDATE("82 0cf6"), UD_ERR_SHAPE, "f6"},
    {"index negative", WITH_VALIDATE("82 0c20"), UD_ERR_SHAPE, "20"},
    {"index list empty", WITH_VALIDATE("82 0c80"), UD_ERR_INDEX, "80"},
    {"index list longer than the components", WITH_VALIDATE("82 0c820000"), UD_ERR_INDEX, "82"},
    {"index list with one out of range", TWO_VALIDATE("82 0c820002"), UD_ERR_INDEX, "02"},
    {"index list of text", TWO_VALIDATE("82 0c826161 00"), UD_ERR_SHAPE, "6161"},
    {"index true", TWO_VALIDATE("84 0cf5 030f"), UD_OK, ""},
    {"two components, first command is no index", TWO_VALIDATE("84 030f 0c00"), UD_ERR_INSECURE_ORDER, "030f"},
    {"two components, shared begins without an index", "a3 0101 0207 03<a2 0282814100814101 04<" SHARED ">>",
     UD_ERR_INSECURE_ORDER, "14"},
    {"try-each with a branch alone", WITH_VALIDATE("82 0f81<82030f>"), UD_ERR_SHAPE, "81"},
    {"try-each without branches", WITH_VALIDATE("82 0f80"), UD_ERR_SHAPE, "80"},
    {"try-each, a branch and nil", WITH_VALIDATE("82 0f82<82030f>f6"), UD_ERR_SHAPE, "f6"},
    {"try-each, two branches and nil", WITH_VALIDATE("82 0f83<82030f><82030f>f6"), UD_OK, ""},
    {"try-each, nil in the middle", WITH_VALIDATE("82 0f83<82030f>f6<82030f>"), UD_ERR_SHAPE, "f6"},
    {"try-each, branch not wrapped", WITH_VALIDATE("82 0f8282030f82030f"), UD_ERR_SHAPE, "82030f"},
    {"try-each, branch empty", WITH_VALIDATE("82 0f82<82030f>40"), UD_ERR_TRUNCATED, ""},
    {"run-sequence not wrapped", WITH_VALIDATE("82 182082030f"), UD_ERR_SHAPE, "82030f"},
    {"run-sequence of nil", WITH_VALIDATE("82 1820f6"), UD_ERR_SHAPE, "f6"},
    {"nested four deep", WITH_VALIDATE("82 1820<82 1820<82 1820<82 1820<82 030f>>>>"), UD_OK, ""},
    {"nested five deep", WITH_VALIDATE("82 1820<82 1820<82 1820<82 1820<82 1820<82 030f>>>>>"), UD_ERR_DEPTH,
     ""},
    {"fetch in the shared sequence", WITH_SHARED("82 150f"), UD_ERR_INSECURE_ORDER, "150f"},
    {"copy in the shared sequence", WITH_SHARED("82 160f"), UD_ERR_INSECURE_ORDER, "160f"},
    {"write in the shared sequence", WITH_SHARED("82 120f"), UD_ERR_INSECURE_ORDER, "120f"},
    {"invoke in the shared sequence", WITH_SHARED("82 170f"), UD_ERR_INSECURE_ORDER, "170f"},
    {"swap in the shared sequence", WITH_SHARED("82 181f0f"), UD_ERR_INSECURE_ORDER, "181f"},
    {"custom command in the shared sequence", WITH_SHARED("82 2000"), UD_ERR_COMMAND, "2000"},
    {"fetch in a branch of the shared sequence", WITH_SHARED("82 0f82<82010f><82150f>"), UD_ERR_INSECURE_ORDER,
     "150f"},
    {"fetch in a run-sequence of the shared sequence", WITH_SHARED("82 1820<82150f>"), UD_ERR_INSECURE_ORDER,
     "150f"},
};

static const struct row parameters[] = {
    {"all that we know",
     WITH_PARAMS("ac 01<" ONES16 "> 02<" ONES16 "> 03<" DIGEST
                 "> 0500 0cf4 0e00 12<> 1561ff 1600 17<> 1818<" ONES16 "> 1819<>"),
     UD_ERR_TEXT, "61ff"},
    {"all that we know",
     WITH_PARAMS("ac 01<" ONES16 "> 02<" ONES16 "> 03<" DIGEST
                 "> 051affffffff 0cf4 0e1bffffffffffffffff 12<> 1560 1600 "
                 "17<> 1818<" ONES16 "> 1819<>"),
     UD_OK, ""},
    {"no map", WITH_PARAMS("80"), UD_ERR_SHAPE, "80"},
    {"wrapped map", WITH_PARAMS("<a0>"), UD_ERR_SHAPE, "41a0"},
    {"label 0", WITH_PARAMS("a1 0000"), UD_ERR_PARAMETER, "00"},
    {"those of update management",
     WITH_PARAMS("a6 041bffffffffffffffff 181a00 181b20 181c<82018101> 181d<a1012b> 181e<a0>"), UD_OK, ""},
    {"use before, negative", WITH_PARAMS("a1 0420"), UD_ERR_SHAPE, "20"},
    {"encryption info", WITH_PARAMS("a1 13<d8608440a0f680>"), UD_OK, ""},
    {"encryption info with bytes behind it", WITH_PARAMS("a1 13<0000>"), UD_ERR_TRAILING, "00"},
    {"version of a candidate", WITH_PARAMS("a1 181c<82058501020321 04>"), UD_OK, ""},
    {"version compared by 0", WITH_PARAMS("a1 181c<82008101>"), UD_ERR_SHAPE, ""},
    {"version compared by 6", WITH_PARAMS("a1 181c<82068101>"), UD_ERR_SHAPE, ""},
    {"version without numbers", WITH_PARAMS("a1 181c<820180>"), UD_ERR_SHAPE, ""},
    {"version of four numbers", WITH_PARAMS("a1 181c<82018401020304>"), UD_ERR_SHAPE, ""},
    {"version that begins with a marker", WITH_PARAMS("a1 181c<82018120>"), UD_ERR_SHAPE, ""},
    {"version with an unknown marker", WITH_PARAMS("a1 181c<8201820123>"), UD_ERR_SHAPE, ""},
    {"version with two markers", WITH_PARAMS("a1 181c<820184 01200120>"), UD_ERR_SHAPE, ""},
    {"version of nine numbers", WITH_PARAMS("a1 181c<820189 010203200102030405>"), UD_ERR_LIMIT, ""},
    {"version, a number", WITH_PARAMS("a1 181c<00>"), UD_ERR_SHAPE, "00"},
    {"wait for every event",
     WITH_PARAMS("a1 181d<a9 0100 0220 0300 0481<00> 051a00010000 0600 0706 0800 0900>"), UD_OK, ""},
    {"wait for event 0", WITH_PARAMS("a1 181d<a10000>"), UD_ERR_PARAMETER, ""},
    {"wait for event 10", WITH_PARAMS("a1 181d<a10a00>"), UD_ERR_PARAMETER, ""},
    {"wait for another device, named by a number", WITH_PARAMS("a1 181d<a10400>"), UD_ERR_SHAPE, "00"},
    {"metadata is no map", WITH_PARAMS("a1 181e<80>"), UD_ERR_SHAPE, "80"},
    {"custom parameter", WITH_PARAMS("a1 2000"), UD_ERR_PARAMETER, "20"},
    {"custom parameter in the shared sequence", WITH_SHARED("82 14a1 2000"), UD_ERR_PARAMETER, "20"},
    {"label as text", WITH_PARAMS("a1 6161 00"), UD_ERR_SHAPE, "6161"},
    {"label 257, whose low byte is 1", WITH_PARAMS("a1 190101 <" ONES16 ">"), UD_ERR_PARAMETER, "190101"},
    {"unknown behind a known one", WITH_PARAMS("a2 0500 0600"), UD_ERR_PARAMETER, "06"},
    {"unknown in a branch", WITH_VALIDATE("82 0f82 <82 14a10600> <82030f>"), UD_ERR_PARAMETER, "06"},
    {"twice", WITH_PARAMS("a2 0500 0500"), UD_ERR_DUPLICATE, "05"},
    {"falling", WITH_PARAMS("a2 0e00 0500"), UD_ERR_NOT_DETERMINISTIC, "05"},
    {"vendor of 15 bytes", WITH_PARAMS("a1 014f010101010101010101010101010101"), UD_ERR_SHAPE, "4f"},
    {"class of 17 bytes", WITH_PARAMS("a1 0251" ONES16 "01"), UD_ERR_SHAPE, "51"},
    {"vendor by enterprise number (tag 112)", WITH_PARAMS("a1 01d8704101"), UD_OK, ""},
    {"vendor by another tag", WITH_PARAMS("a1 01d86f4101"), UD_ERR_SHAPE, "d86f"},
    {"vendor by an enterprise number that is text", WITH_PARAMS("a1 01d8706161"), UD_ERR_SHAPE, "d870"},
    {"class by enterprise number", WITH_PARAMS("a1 02d8704101"), UD_ERR_SHAPE, "d870"},
    {"digest not wrapped", WITH_PARAMS("a1 03" DIGEST), UD_ERR_SHAPE, "82"},
    {"digest by SHA-384", WITH_PARAMS("a1 03<82382a<" THREES32 ONES16 ">>"), UD_ERR_ALGORITHM, "382a"},
    {"digest by SHA-512/256 of 32 bytes", WITH_PARAMS("a1 03<8230<" THREES32 ">>"), UD_ERR_ALGORITHM, "30"},
    {"digest of 31 bytes", WITH_PARAMS("a1 03<822f581f" ONES16 "010101010101010101010101010101>"), UD_ERR_SHAPE,
     "581f"},
    {"digest with bytes behind it", WITH_PARAMS("a1 03<" DIGEST "00>"), UD_ERR_TRAILING, "00"},
    {"digest empty", WITH_PARAMS("a1 0340"), UD_ERR_TRUNCATED, ""},
    {"size negative", WITH_PARAMS("a1 0e20"), UD_ERR_SHAPE, "20"},
    {"slot 2^32", WITH_PARAMS("a1 051b0000000100000000"), UD_ERR_NUMBER_RANGE, "1b"},
    {"URI as bytes", WITH_PARAMS("a1 154161"), UD_ERR_SHAPE, "4161"},
    {"source 1 of one", WITH_PARAMS("a1 1601"), UD_ERR_INDEX, "01"},
    {"source 256 of two", TWO_VALIDATE("84 0c00 14a1 16190100"), UD_ERR_INDEX, "190100"},
    {"strict order as a number", WITH_PARAMS("a1 0c01"), UD_ERR_SHAPE, "01"},
    {"soft failure at top level", WITH_PARAMS("a1 0df5"), UD_ERR_INSECURE_ORDER, "f5"},
    {"soft failure false at top level", WITH_PARAMS("a1 0df4"), UD_ERR_INSECURE_ORDER, "f4"},
    {"soft failure at top level of the shared sequence", WITH_SHARED("82 14a10df5"), UD_ERR_INSECURE_ORDER,
     "f5"},
    {"soft failure in a run-sequence", WITH_VALIDATE("82 1820<84 14a10df5 030f>"), UD_OK, ""},
    {"soft failure as a number", WITH_VALIDATE("82 1820<84 14a10d01 030f>"), UD_ERR_SHAPE, "01"},
};

static struct helper_signed signed_envelope;

/* Parse what was signed. @return view of the bytes at the offset that was told */
static ud_err parse_signed(struct ud_suit_manifest *man, struct ud_bytes *at)
{
    static struct ud_suit_envelope env;
    struct ud_diag diag = {0};
    assert_int_equal(ud_suit_envelope_parse(&env, signed_envelope.envelope, NULL), UD_OK);
    assert_int_equal(ud_suit_envelope_authenticate(&env, &signed_envelope.trust, NULL), UD_OK);
    const ud_err err = ud_suit_manifest_parse(man, &env, &diag);
    struct ud_bytes skipped;
    *at = signed_envelope.envelope;
    assert_int_equal(diag.err, err);
    assert_true(ud_bytes_take(at, diag.offset_bytes, &skipped));
    return err;
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[1024];
        uint8_t want_bytes[64];
        struct ud_bytes at;
        struct ud_bytes found;
        struct ud_suit_manifest man;
        const struct ud_bytes want = hex_decode(rows[i].at, want_bytes, sizeof want_bytes);
        helper_sign_raw(&signed_envelope, helper_cbor(rows[i].manifest, bytes, sizeof bytes),
                        (struct ud_bytes){NULL, 0}, 0);
        const ud_err err = parse_signed(&man, &at);
        if (err != rows[i].want || !ud_bytes_take(&at, want.len, &found) || !ud_bytes_equal(found, want)) {
            fail_msg("%s: %s, %zu bytes before the end", rows[i].name, ud_err_name(err), at.len);
        }
    }
}

static void test_shapes_that_may_not_be(void **state)
{
    (void)state;
    check_rows(shapes, COUNT(shapes));
}

static void test_common_parts_that_may_not_be(void **state)
{
    (void)state;
    check_rows(commons, COUNT(commons));
}

static void test_sequences_that_may_not_be(void **state)
{
    (void)state;
    check_rows(sequences, COUNT(sequences));
}

static void test_parameters_that_may_not_be(void **state)
{
    (void)state;
    check_rows(parameters, COUNT(parameters));
}

static void test_a_uri_is_as_long_as_the_limit_and_no_longer(void **state)
{
    (void)state;
    for (size_t len = UD_URI_BYTES_MAX; len <= UD_URI_BYTES_MAX + 1; len++) {
        static const char *const before[] = {"a4 0101 0207 " COMMON "04", "a4 0101 0207 " COMMON "07"};
        for (size_t reference = 0; reference < 2; reference++) {
            uint8_t bytes[2048];
            uint8_t text[UD_URI_BYTES_MAX + 1];
            uint8_t sequence_bytes[1024];
            struct ud_buf sequence = {sequence_bytes, sizeof sequence_bytes, 0};
            struct ud_buf buf = {bytes, sizeof bytes, 0};
            struct ud_suit_manifest man;
            struct ud_bytes at;
            struct ud_cbor_writer w;
            memset(text, 'a', sizeof text);
            buf.len = helper_cbor(before[reference], bytes, sizeof bytes).len;
            ud_cbor_writer_init(&w, &sequence);
            ud_cbor_put_array(&w, 2);
            ud_cbor_put_uint(&w, 20);
            ud_cbor_put_map(&w, 1);
            ud_cbor_put_uint(&w, 21);
            ud_cbor_put_tstr(&w, (struct ud_bytes){text, len});
            ud_cbor_writer_init(&w, &buf);
            if (reference == 0) {
                ud_cbor_put_tstr(&w, (struct ud_bytes){text, len});
            } else {
                ud_cbor_put_bstr(&w, ud_buf_bytes(&sequence));
            }
            helper_sign_raw(&signed_envelope, ud_buf_bytes(&buf), (struct ud_bytes){NULL, 0}, 0);
            assert_int_equal(parse_signed(&man, &at), len > UD_URI_BYTES_MAX ? UD_ERR_LIMIT : UD_OK);
        }
    }
}

static void test_a_sequence_holds_as_many_commands_as_the_limit_and_no_more(void **state)
{
    (void)state;
    for (size_t count = UD_SUIT_COMMANDS_MAX; count <= UD_SUIT_COMMANDS_MAX + 1; count++) {
        uint8_t bytes[2048];
        uint8_t sequence_bytes[1024];
        struct ud_buf sequence = {sequence_bytes, sizeof sequence_bytes, 0};
        struct ud_buf buf = {bytes, sizeof bytes, 0};
        struct ud_suit_manifest man;
        struct ud_bytes at;
        struct ud_cbor_writer w;
        ud_cbor_writer_init(&w, &sequence);
        ud_cbor_put_array(&w, 2 * count);
        for (size_t i = 0; i < count; i++) {
            ud_cbor_put_uint(&w, 3);
            ud_cbor_put_uint(&w, 15);
        }
        buf.len = helper_cbor("a4 0101 0207 " COMMON "07", bytes, sizeof bytes).len;
        ud_cbor_writer_init(&w, &buf);
        ud_cbor_put_bstr(&w, ud_buf_bytes(&sequence));
        helper_sign_raw(&signed_envelope, ud_buf_bytes(&buf), (struct ud_bytes){NULL, 0}, 0);
        assert_int_equal(parse_signed(&man, &at), count > UD_SUIT_COMMANDS_MAX ? UD_ERR_LIMIT : UD_OK);
    }
}

/* Written from the innermost outwards: each level is [32, bstr]. */
static void test_a_hundred_thousand_nested_sequences_are_refused(void **state)
{
    (void)state;
    enum { LEVELS = 100000, LEVEL_BYTES_MAX = 3 + 5 };
    const size_t cap = (size_t)LEVELS * LEVEL_BYTES_MAX + 4096;
    uint8_t *bytes = malloc(cap);
    uint8_t *out = malloc(2 * cap);
    struct ud_bytes inner = {bytes + cap - 3, 3};
    memcpy(bytes + cap - 3, "\x82\x03\x0f", 3);
    for (int i = 0; i < LEVELS; i++) {
        uint8_t head_bytes[12];
        struct ud_buf head = {head_bytes, sizeof head_bytes, 0};
        struct ud_cbor_writer w;
        ud_cbor_writer_init(&w, &head);
        ud_cbor_put_array(&w, 2);
        ud_cbor_put_uint(&w, 32);
        ud_cbor_put_bstr_head(&w, inner.len);
        inner.ptr -= head.len;
        inner.len += head.len;
        memcpy(bytes + cap - inner.len, head_bytes, head.len);
    }
    struct ud_buf buf = {out, 2 * cap, 0};
    struct ud_suit_envelope env = {.step = UD_SUIT_STEP_AUTHENTICATED};
    struct ud_suit_manifest man;
    struct ud_cbor_writer w;
    buf.len = helper_cbor("a4 0101 0207 " COMMON "07", out, 2 * cap).len;
    ud_cbor_writer_init(&w, &buf);
    ud_cbor_put_bstr(&w, inner);
    assert_int_equal(ud_cbor_written(&w), UD_OK);
    env.whole = ud_buf_bytes(&buf);
    env.manifest = env.whole;
    assert_int_equal(ud_suit_manifest_parse(&man, &env, NULL), UD_ERR_DEPTH);
    free(out);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_that_may_not_be),
        cmocka_unit_test(test_common_parts_that_may_not_be),
        cmocka_unit_test(test_sequences_that_may_not_be),
        cmocka_unit_test(test_parameters_that_may_not_be),
        cmocka_unit_test(test_a_uri_is_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(test_a_sequence_holds_as_many_commands_as_the_limit_and_no_more),
        cmocka_unit_test(test_a_hundred_thousand_nested_sequences_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
