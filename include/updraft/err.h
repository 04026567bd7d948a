/*
 * The one list of errors (promise P5): the same name on the device, on the wire, in the log and in the console.
 *
 * Everything that can fail returns `ud_err`; results go through out-parameters, which stay untouched on error.
 * Values are stable: they cross the wire and sit in logs. A new error takes a free value in its block and never
 * an old one. docs/errors.md is generated from this list, so the two cannot disagree.
 *
 * Columns: id, value, LwM2M /5/0/5 update result (0 where none fits), SUIT report reason, what a person reads,
 * what to do next.
 */
#ifndef UPDRAFT_ERR_H
#define UPDRAFT_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define UD_ERR_LIST(X) \
    X(UD_OK,                     0,  1,  0, "done", \
      "nothing") \
    X(UD_WAIT,                   1,  0,  0, "not finished; call again", \
      "call the same function again after the time it asked for") \
    X(UD_ABSENT,                 2,  0,  0, "there is none", \
      "nothing; the item asked for does not exist here") \
    /* shape of the input: 16.. */ \
    X(UD_ERR_TRUNCATED,         16,  6,  1, "input ends inside an item", \
      "fetch or copy the file again; it was cut short") \
    X(UD_ERR_SHAPE,             17,  6,  1, "an item is not of the type or value that must stand here", \
      "make the input with a tool that follows the format; the offset says where") \
    X(UD_ERR_NOT_DETERMINISTIC, 18,  6,  1, "CBOR is not in deterministic form (order, shortest length, definite length)", \
      "encode by RFC 8949 section 4.2.1 and sign again") \
    X(UD_ERR_DUPLICATE,         19,  6,  1, "a key stands twice in one map", \
      "remove one of the two and sign again") \
    X(UD_ERR_TRAILING,          20,  6,  1, "bytes follow the end of the item", \
      "remove the bytes behind the end") \
    X(UD_ERR_DEPTH,             21,  6,  1, "nesting is deeper than the limit", \
      "flatten the input; docs/formats.md names the limit") \
    X(UD_ERR_LIMIT,             22,  6,  1, "a length or count is over its limit", \
      "make the input smaller; docs/formats.md names the limit") \
    X(UD_ERR_NUMBER_RANGE,      23,  6,  1, "a number is outside the range that this field can hold", \
      "use a number within the range that docs/formats.md states") \
    X(UD_ERR_LABEL_UNKNOWN,     24,  6,  5, "a label is unknown here", \
      "remove the item, or update the program that refused it") \
    X(UD_ERR_MISSING,           25,  6,  1, "a required item is missing", \
      "add the item that the offset or name points at and sign again") \
    X(UD_ERR_TEXT,              26,  6,  1, "text is not valid UTF-8", \
      "encode the text as UTF-8") \
    X(UD_ERR_BUFFER,            27,  2,  1, "the output does not fit the buffer given", \
      "give a larger buffer; the header of the function states the size") \
    /* authenticity and rights: 32.. */ \
    X(UD_ERR_UNTRUSTED,         32,  5,  4, "no trusted key made this signature", \
      "sign with a key that the device trusts, or add the key to its trust anchors") \
    X(UD_ERR_SIGNATURE,         33,  5,  4, "a signature does not verify", \
      "the content was altered or signed with another key: fetch it again from its author") \
    X(UD_ERR_DIGEST,            34,  5,  4, "bytes do not match the digest that was signed", \
      "fetch again; if it stays, the stored file was altered") \
    X(UD_ERR_THRESHOLD,         35,  5,  4, "too few of the required keys have signed", \
      "add the missing signatures with `updraft sign`") \
    X(UD_ERR_ALGORITHM,         36,  9,  3, "algorithm not supported here", \
      "sign with an algorithm that the device supports (ES256)") \
    X(UD_ERR_COSE,              37,  6,  2, "COSE structure or header not supported here", \
      "use COSE_Sign1 with the algorithm in the protected header") \
    X(UD_ERR_UNSIGNED,          38,  5,  4, "there is no signature", \
      "sign the envelope with `updraft sign`") \
    X(UD_ERR_RIGHTS,            39,  5,  7, "the signer may not write this component or speak for this device type", \
      "sign with a key that has the right, or extend the key's rights in the trust anchors") \
    X(UD_ERR_KEY,               40,  0,  4, "a key is malformed, not on its curve, or of the wrong kind", \
      "use a P-256 key as `updraft keygen` makes it") \
    X(UD_ERR_NONCE,             41,  0,  4, "the nonce is not the one that was given with the offer", \
      "report with the nonce of the current action") \
    X(UD_ERR_COUNTER,           42,  0,  4, "the report counter did not grow: a replay, or a cloned device", \
      "check whether two devices share one key; enrol the device again if its journal was lost") \
    X(UD_ERR_IDENTITY,          43,  0,  4, "the signing key is not this device's", \
      "enrol the device's key with `updraft device enrol`") \
    /* does it apply: 48.. */ \
    X(UD_ERR_STALE,             48,  8,  4, "sequence number is lower than the device's stored one", \
      "publish under a higher sequence number (`updraft create --reissue`)") \
    X(UD_ERR_VENDOR,            49,  8, 10, "made for another vendor", \
      "deploy a release made for this vendor") \
    X(UD_ERR_CLASS,             50,  8, 10, "made for another device class", \
      "deploy a release made for this device class") \
    X(UD_ERR_DEVICE_ID,         51,  8, 10, "made for another device", \
      "deploy the release made for this device") \
    X(UD_ERR_CONDITION,         52,  8, 10, "a condition of the manifest does not hold", \
      "see the record in the report for the condition and the measured value") \
    X(UD_ERR_IMAGE_MISMATCH,    53,  5, 10, "the image does not match the signed digest or size", \
      "upload the image that was signed, or fetch it again") \
    X(UD_ERR_ABORT,             54,  8, 10, "the manifest tells to stop here", \
      "deploy a release whose manifest covers this device") \
    X(UD_ERR_COMMAND,           55,  8,  5, "a command is not supported here", \
      "update the agent first, or make the manifest without it") \
    X(UD_ERR_PARAMETER,         56,  8,  8, "a parameter is not supported here", \
      "update the agent first, or make the manifest without it") \
    X(UD_ERR_COMPONENT,         57,  8,  6, "the device has no such component", \
      "deploy a release made for this device; its component table is in its provisioning file") \
    X(UD_ERR_VERSION,           58,  6,  1, "format version not supported here", \
      "update the older of the two sides") \
    X(UD_ERR_DEPENDENCY,        59,  8,  5, "the manifest needs a dependency that is absent or not supported", \
      "deploy the dependency, or a manifest without it") \
    X(UD_ERR_SEVERED,           60,  6,  9, "a severed part of the envelope is needed and absent", \
      "deploy the complete envelope") \
    X(UD_ERR_PARAMETER_UNSET,   61,  8, 11, "a command needs a parameter that the manifest did not set", \
      "set the parameter before the command and sign again") \
    X(UD_ERR_INDEX,             62,  8,  6, "a component index is out of range", \
      "use an index below the number of components in the manifest") \
    X(UD_ERR_INSECURE_ORDER,    63,  8,  5, "a command stands where it must not (side effect in the shared sequence, soft failure at top level)", \
      "move the command and sign again") \
    /* storage, slots, boot: 64.. */ \
    X(UD_ERR_SPACE,             64,  2, 11, "does not fit the slot", \
      "make the image smaller; the component table states the capacity") \
    X(UD_ERR_FLASH,             65,  3, 11, "flash operation failed", \
      "replace the device if it stays; the slot in use was not touched") \
    X(UD_ERR_FLASH_RULE,        66,  3, 11, "flash write would set cleared bits, cross an end, or is not aligned", \
      "report it: this is an error of the program") \
    X(UD_ERR_NO_SLOT,           67,  0, 11, "no slot holds a bootable image", \
      "load an image through the recovery road") \
    X(UD_ERR_JOURNAL,           68,  0, 11, "the journal holds no valid record", \
      "provision the device again; both journal areas are damaged") \
    X(UD_ERR_UNCONFIRMED,       69,  8, 11, "the new image did not confirm itself in time and was reverted", \
      "look at the application's own log of its trial start") \
    X(UD_ERR_CRASHED,           70,  8, 11, "the new image ended before it confirmed itself and was reverted", \
      "look at the application's own log of its trial start") \
    X(UD_ERR_BUSY,              71,  0, 11, "another update is in progress", \
      "wait for it to end, or cancel it") \
    X(UD_ERR_STATE,             72,  0, 11, "not possible in this state", \
      "see docs/design/slots.md for the order of steps") \
    X(UD_ERR_CANCELED,          73, 10, 11, "canceled", \
      "nothing; assign the release again if it was not meant") \
    X(UD_ERR_MEMORY,            74,  3, 11, "out of memory", \
      "free memory, or lower the load") \
    X(UD_ERR_PATCH,             77,  6, 11, "a patch reaches outside its images, or promises another size", \
      "take the full image; make the patch again with `updraft diff`") \
    X(UD_ERR_PATCH_PROFILE,     78,  9, 11, "the patch needs a profile or predictor that this device was not built with", \
      "make the patch with a profile that the device announces, or take the full image") \
    X(UD_ERR_PRECURSOR,         79,  5, 10, "the patch was made for another installed image", \
      "take the full image, or the patch for the image that is installed") \
    /* roads: 80.. */ \
    X(UD_ERR_CONNECT,           80,  4, 11, "no connection to the server", \
      "check address, network and firewall") \
    X(UD_ERR_TLS,               81,  4, 11, "the server's certificate was not accepted", \
      "give the right CA file; the server prints the path of its own at start") \
    X(UD_ERR_AUTH,              82,  4, 11, "the server refused the credentials", \
      "check device name and token, or log in again") \
    X(UD_ERR_PROTOCOL,          83,  4, 11, "the peer's answer is not of the protocol", \
      "check that the address is that of an Updraft or hawkBit server") \
    X(UD_ERR_URI,               84,  7, 11, "URI is malformed, leaves its place, or names a host that policy does not list", \
      "use relative URIs (the artifact's digest)") \
    X(UD_ERR_NOT_FOUND,         85,  7, 11, "not found", \
      "check the name; list what exists") \
    X(UD_ERR_RANGE,             86,  4, 11, "range outside the resource", \
      "ask for a range within the size") \
    X(UD_ERR_TOO_LARGE,         87,  2, 11, "larger than the limit", \
      "the limit is in the server's configuration") \
    X(UD_ERR_TIMEOUT,           88,  4, 11, "no progress within the time allowed", \
      "it is tried again by itself; check the network if it stays") \
    X(UD_ERR_RETRY_LATER,       89,  4, 11, "the server asks to come again later", \
      "it is tried again by itself after the time the server named") \
    X(UD_ERR_GONE,              90,  0, 11, "closed or removed", \
      "nothing; ask for the current state") \
    X(UD_ERR_DEVICE_FAILED,     91,  8, 11, "the device said that it failed, without a reason that has a name", \
      "read the device's own messages in the history of the action") \
    X(UD_ERR_COMPONENT_CONFLICT, 92, 8, 11, "a component's package conflicts with what another component holds", \
      "deploy a release with one package for each component; the message names the others") \
    X(UD_ERR_COMPONENT_NEEDS,   93,  8, 11, "a component needs another one to be updated before it or with it", \
      "deploy a release that has a package for those that the message names, too") \
    X(UD_ERR_DNS_SD,            94,  0, 11, "no Avahi daemon answers on this machine", \
      "install and start avahi-daemon, or leave discovery off") \
    /* server and tools: 96.. */ \
    X(UD_ERR_STORE,             96,  0, 11, "the database failed", \
      "see the log line for the database's own words; check disk and permissions") \
    X(UD_ERR_DISK_FULL,         97,  0, 11, "no space left on the disk", \
      "free space; nothing was half stored") \
    X(UD_ERR_IO,                98,  0, 11, "reading or writing a file failed", \
      "check path, permissions and disk; the message names the file") \
    X(UD_ERR_CONFLICT,          99,  0, 11, "exists already with other content", \
      "use another name, or delete the old one first") \
    X(UD_ERR_FORBIDDEN,        100,  0, 11, "not allowed with these credentials", \
      "log in as somebody who may") \
    X(UD_ERR_ARTIFACT_MISSING, 101,  0, 11, "an artifact that the release needs was not uploaded", \
      "upload the missing artifact; the answer lists its digest") \
    X(UD_ERR_NOT_FOREIGN,      102,  0, 11, "unsigned releases go only to device types marked foreign", \
      "sign the release, or have an administrator mark the device type as foreign") \
    X(UD_ERR_USAGE,            103,  0, 11, "wrong arguments", \
      "see --help of the command") \
    X(UD_ERR_CONFIG,           104,  0, 11, "a configuration value is wrong", \
      "correct the value that the message names") \
    X(UD_ERR_CRYPTO,           105,  3, 11, "the cryptographic library failed", \
      "check the installation of the library; the log has its own words") \
    X(UD_ERR_INTERNAL,         106,  0, 11, "an internal check failed", \
      "report it with the log: this is an error of the program") \
    X(UD_ERR_EXPOSED,          107,  0, 11, "a file with a secret can be read by others", \
      "chmod 600 the file; if somebody else may have read it, make a new key") \
    /* conditions of update management: 112.. */ \
    X(UD_ERR_USE_BEFORE,       112,  8, 10, "the time until which this may be used is over", \
      "publish a newer release; check the device's clock if it should still hold") \
    X(UD_ERR_BATTERY,          113,  8, 10, "the battery holds less than the manifest asks for", \
      "charge the device; the update is tried again when it is offered again") \
    X(UD_ERR_NOT_AUTHORIZED,   114,  8, 10, "the application or its user did not allow the update now", \
      "allow it on the device, or offer it again later") \
    X(UD_ERR_INSTALLED_VERSION, 115, 8, 10, "the manifest is not for the version that is installed", \
      "deploy the release that is made for this version") \
    /* keys over time, encryption: 120.. */ \
    X(UD_ERR_REVOKED,          120,  5,  4, "the signing key was revoked", \
      "sign with a key of the present trust store") \
    X(UD_ERR_STRANDED,         121,  5, 11, "the image that runs would not boot under the new trust store", \
      "install an image first that its keys signed, or list the running manifest's digest in the store as kept") \
    X(UD_ERR_CHAIN,            122,  5, 11, "the trust store does not follow the one that is here", \
      "deliver the stores one by one, in the order of their numbers") \
    X(UD_ERR_DECRYPT,          123,  5, 11, "a ciphertext or a wrapped key is not what was encrypted", \
      "encrypt the image again for this device's key and deploy that release") \
    X(UD_ERR_NO_RECIPIENT,     124,  5,  4, "the image is encrypted for other devices", \
      "encrypt it for this device's key, too (`updraft encrypt`)") \
    X(UD_ERR_TRUST_EXPIRED,    125,  8, 10, "the trust store is past its time, so nothing new is installed", \
      "publish the next trust store; the device goes on running what it has") \
    X(UD_ERR_KEY_PUBLISHED,    126,  0,  4, "this key's private half was published: an example or development key", \
      "make a key of your own with `updraft keygen`") \
    /* the author's desk: 128.. */ \
    X(UD_ERR_DESCRIPTION,      128,  0, 11, "the description says something of which no manifest can be made", \
      "correct the place that the message names; docs/author.md lists every word of a description") \
    X(UD_ERR_WITNESS,          129,  0, 11, "the witness of this key's used signatures is ahead of the key file, or out of reach", \
      "never sign with a restored copy of the key: bring the witness back, or make a new key") \
    X(UD_ERR_USED_UP,          130,  0, 11, "every one-time signature of this key is used", \
      "make a new key and rotate the trust store to it") \
    X(UD_ERR_TOKEN,            131,  0, 11, "the token failed, is not there, or did not take the PIN", \
      "check that the token is plugged in, its label, and the PIN; nothing was signed") \
    /* boot: 132.. */ \
    X(UD_ERR_ROLLBACK_COUNTER, 132,  8, 11, "the anti-rollback counter cannot be read or advanced", \
      "no new release is tried until it can be read; the confirmed one runs. Check fuses or secure element") \
    /* MCUboot's image format: 140.. */ \
    X(UD_ERR_IMAGE_FORMAT,     140,  6, 11, "not an image of MCUboot's format, or of a kind that is not supported", \
      "make it with imgtool: plain, SHA-256, ECDSA P-256") \
    X(UD_ERR_IMAGE_ENTRY,      141,  6, 11, "an entry of the image is missing, twice, or on the wrong side of the signature", \
      "make the image again with imgtool; it may have been tampered with") \
    X(UD_ERR_BOOT_REFUSED,     142,  5, 11, "the bootloader that this device came with did not start the new image", \
      "sign the image with the key of that bootloader, for its slot, and within its size") \
    /* rollouts and filters: 148.. */ \
    X(UD_ERR_FILTER,           148,  0, 11, "the filter is not understood", \
      "correct it at the character that the message names; docs/server.md has the language") \
    X(UD_ERR_FILTER_FIELD,     149,  0, 11, "the filter names a field that does not exist", \
      "use one of the fields that docs/server.md lists") \
    X(UD_ERR_FILTER_COST,      150,  0, 11, "the filter looks at more rows than one request may", \
      "add a condition that narrows it: a name, a type, a tag, an attribute") \
    X(UD_ERR_WINDOW,           151,  0, 11, "a window's schedule, duration or zone is not understood", \
      "use a cron schedule of 6 fields, a duration HH:mm:ss, and a zone such as +02:00 or Europe/Berlin") \
    X(UD_ERR_ROLLOUT_STATE,    152,  0, 11, "not possible in the rollout's present state", \
      "look at its state; docs/design/rollouts.md has the table of what follows what") \
    X(UD_ERR_QUARANTINED,      153,  0, 11, "the device is in quarantine", \
      "deploy the release that frees it, or end the quarantine") \
    X(UD_ERR_RECALLED,         154,  0, 11, "the release was recalled", \
      "deploy another release") \
    X(UD_ERR_NO_WAY_BACK,      155,  0, 11, "no release carries the previous image under a higher sequence number", \
      "have its author sign it again: `updraft create --reissue`, then upload it") \
    X(UD_ERR_DRIFTED,          156,  0, 11, "the device runs another image than the one it was given and confirmed", \
      "look at the device; deploy the release again if it is meant to run") \
    X(UD_ERR_INCOMPLETE,       157,  0, 11, "the set of modules is not complete, or no longer valid", \
      "add the modules that its type demands, or use another set") \
    X(UD_ERR_IN_USE,           158,  0, 11, "in use, and no longer to be changed", \
      "make a new version of it") \
    X(UD_ERR_COUNT_MOVED,      159,  0, 11, "the filter meets another number of devices than you saw", \
      "look at the list again, then repeat the request with the new count") \
    /* people, rights, records: 160.. */ \
    X(UD_ERR_SEPARATION,       160,  0, 11, "two people must do this: who made or uploaded it may not", \
      "have somebody else do it; nobody is author and operator at once") \
    X(UD_ERR_APPROVAL,         161,  0, 11, "the release was not approved by enough people yet", \
      "have an approver who did not upload it approve it") \
    X(UD_ERR_LOCKED,           162,  0, 11, "too many wrong attempts from here", \
      "wait for the time in Retry-After; an administrator can set a new password") \
    X(UD_ERR_EXPIRED,          163,  0, 11, "the token or session is past its time", \
      "log in again, or have a new token made") \
    X(UD_ERR_GROUP,            164,  0, 11, "outside the group of devices that these credentials are for", \
      "use credentials for all devices, or for the group of this one") \
    X(UD_ERR_CSRF,             165,  0, 11, "the request does not prove that it comes from the console", \
      "send the session's token in X-CSRF-Token; scripts use a token instead of a session") \
    X(UD_ERR_PASSWORD,         166,  0, 11, "the password is too short, or too long", \
      "use 12 to 128 characters") \
    X(UD_ERR_AUDIT,            167,  0, 11, "the audit log was changed, or cut, after it was written", \
      "compare with an export from before the entry that is named; treat the server as compromised") \
    X(UD_ERR_LOGIN,            168,  0, 11, "the identity provider's answer was not accepted", \
      "see the server's log for the check that failed; compare issuer, client and clock") \
    X(UD_ERR_LEASE,            169,  0, 11, "another server has taken over this task", \
      "nothing: the other server does it") \
    X(UD_ERR_TYPES,            170,  0, 11, "these types do not go together: a module in a set, or a set on a target", \
      "see what the set's type and the target's type take, or use another type") \
    X(UD_ERR_SET_INCOMPLETE,   171,  0, 11, "the set lacks a module of a type that its own type asks for", \
      "add the module, or make the set of another type") \
    /* LwM2M and CoAP: 172.. */ \
    X(UD_ERR_OUTCOME_UNKNOWN,  172,  0, 11, "the server stopped, or the device registered anew, before the device answered", \
      "look at the device whether it was done; give the command again if not") \
    /* messages over a broker (MQTT): 204.. */ \
    X(UD_ERR_TOPIC,            204,  0, 11, "the topic is none of Updraft's, or of a tenant or device that is not here", \
      "use updraft/v1/TENANT/DEVICE/..., with names percent-encoded, as docs/mqtt.md says") \
    X(UD_ERR_REPLAY,           205,  0, 11, "the message was seen already, came late, or is past its deadline", \
      "nothing: it is dropped; a newer one, or the next poll, says the same") \
    X(UD_ERR_BROKER,           206,  0, 11, "the message broker refuses this connection", \
      "compare user name, password or certificate with the broker's own log; see docs/mqtt.md") \
    X(UD_ERR_NO_BROKER,        207,  0, 11, "this server speaks with no message broker", \
      "set mqtt-broker; until then the device polls at its own interval") \
    /* the console: 210.. */ \
    X(UD_ERR_SIGN_IN_CODE,     210,  0, 11, "the sign-in link was used already, or is past its ten minutes", \
      "sign in another way, or have a new link made: updraft sign-in-link") \
    X(UD_ERR_NARROW_TOKEN,     211,  0, 11, "the token has fewer roles than its person, so it opens no session", \
      "sign in with a token of all the person's roles, with a password, or through the identity provider") \
    /* patches in place: 212.. */ \
    X(UD_ERR_IN_PLACE,         212,  9, 11, "this device's flash does not allow this patch in place", \
      "make the patch for this slot and these sectors, on a layout with a recovery image; or send the whole image") \
    X(UD_ERR_PATCH_RECORD,     213,  6, 11, "what a patch in place noted of itself makes no sense", \
      "start the recovery image and load the whole image") \
    /* OSCORE: 214.. */ \
    X(UD_ERR_OSCORE_CONTEXT,   214,  0, 11, "no OSCORE key goes by the name that the message gives", \
      "provision the device again: bootstrap, or the key by which both sides were set up") \
    X(UD_ERR_OSCORE_SPENT,     215,  0, 11, "the numbers of messages that an OSCORE key is good for are used up", \
      "provision the device again: bootstrap gives a new key") \
    X(UD_ERR_OSCORE_FRESH,     216,  0, 11, "the first message since a restart must show that it is no old one", \
      "nothing: it is asked for again, with the other side's Echo")
/* clang-format on */

#define UD_ERR_ENUM(id, value, lwm2m, reason, text, remedy) id = (value),
typedef enum ud_err { UD_ERR_LIST(UD_ERR_ENUM) } ud_err;
#undef UD_ERR_ENUM

/** Where something failed, as data. `offset_bytes` counts from the start of the outermost input. */
struct ud_diag {
    ud_err err;
    uint32_t offset_bytes;
    uint16_t step; /* module's own step number, 0 where there is none */
};

/** The stable name, such as "UD_ERR_STALE"; "UD_ERR_?" for a value that is not in the list. Never NULL. */
const char *ud_err_name(ud_err err);

/** One sentence for a person. Never NULL. */
const char *ud_err_text(ud_err err);

/** What to do next. Never NULL. */
const char *ud_err_remedy(ud_err err);

/** LwM2M /5/0/5 update result; 0 where none fits. */
uint8_t ud_err_lwm2m(ud_err err);

/** Reason code of a SUIT report (draft-ietf-suit-report, key 7). */
uint8_t ud_err_suit_reason(ud_err err);

/** The error with this value, from the wire. @return false where the list has none; *err is untouched then. */
bool ud_err_from_value(uint32_t value, ud_err *err);

#endif
