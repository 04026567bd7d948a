#include "author/commands.h"

#include <stdio.h>
#include <string.h>

#include "author/cli.h"
#include "author/net_commands.h"
#include "author/offline.h"

struct command {
    const char *name; /* one word, or two */
    const char *summary;
    int (*run)(int argc, char **argv);
    const char *usage; /* behind the name */
    const char *help;
};

#define SERVER_OPTIONS                                                                                         \
    "\nOptions for the server (default: what `updraft login` stored):\n"                                       \
    "  --server URL        address of the people's listener\n"                                                 \
    "  --ca FILE           certificate authority that the server must have\n"                                  \
    "  --token-file FILE   token, first line; - is standard input; or $UPDRAFT_TOKEN\n"                        \
    "  --json              answer as JSON\n"

/* clang-format off */
static const struct command commands[] = {
    {"keygen", "make a key pair", offline_keygen, "[options]",
     "Make a key pair: NAME.key (secret, mode 0600) and NAME.pub. An HSS-LMS key signs a fixed number of times, each with\n"
     "a number that must never come again; so it keeps the highest one in a second place, the witness, and signs nothing\n"
     "when the two do not agree: after a backup was restored, or a copy was made.\n"
     "\nOptions:\n"
     "  -o, --output NAME   base of the two file names (default: author)\n"
     "  --alg NAME          ES256 (default), ESP256, Ed25519, HSS-LMS, or HMAC256 (one secret for both sides)\n"
     "  --levels SET        of HSS-LMS: HASH:HEIGHT/WIDTH,... (default: sha256/192:10/4, 1024 signatures)\n"
     "  --witness PLACE     of HSS-LMS: a file on another medium (absolute path), or a pkcs11: URI\n"
     "  --no-witness        of HSS-LMS: do without, and never restore or copy the key file\n"
     "  --pin-file FILE     PIN of the token (default: $UPDRAFT_PIN, then it is asked for)\n"
     "  --force             replace existing files; never an HSS-LMS key\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft keygen\n"
     "  updraft keygen --alg Ed25519 --output keys/release-2027\n"
     "  updraft keygen --alg HSS-LMS --witness /media/stick/release.witness --output release-pq\n"},
    {"create", "make an envelope", offline_create, "DESCRIPTION | --image FILE [options]",
     "Make an unsigned SUIT envelope: of a description file, which can say all that SUIT can (docs/author.md, and\n"
     "examples/manifests); of one image and flags; or of an older envelope. The same input gives the same bytes.\n"
     "\nOptions:\n"
     "  --image FILE        the image\n"
     "  --vendor NAME       domain of the vendor (a UUID is made of it), or a UUID\n"
     "  --class NAME        kind of device within the vendor (a UUID is made of it), or a UUID\n"
     "  --sequence N        a device takes N only when it runs none higher; beside a DESCRIPTION, instead of its number\n"
     "  --component NAME    part of the device that the image is for (default: app)\n"
     "  --version TEXT      shown to people; devices decide by --sequence\n"
     "  --model TEXT        shown to people\n"
     "  --integrated        put the image into the envelope (up to 16 MiB)\n"
     "  --payload FILE      what is fetched instead of the image: the ciphertext that `updraft encrypt` made of it\n"
     "  --encryption-info FILE  beside --payload: the info that it made\n"
     "  --reissue ENVELOPE  the same manifest under a higher --sequence: the way back to an old image\n"
     "  --foreign           write it, though a device of ours would refuse it\n"
     "  -o, --output FILE   the envelope\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft create --image app.bin --vendor example.com --class door-lock --sequence 7 \\\n"
     "      --version 2.1.0 --output app.suit\n"
     "  updraft create pair.ini --sequence 12 --output pair.suit\n"
     "  updraft create --reissue old.suit --sequence 8 --output back.suit\n"},
    {"describe", "write the description of an envelope", offline_describe, "ENVELOPE [options]",
     "Write a description of which `updraft create` makes the same envelope, signatures apart: to learn from somebody\n"
     "else's, to change one, to keep its source.\n"
     "\nOptions:\n"
     "  -o, --output FILE   write there (default: standard output)\n"
     "\nExamples:\n"
     "  updraft describe app.suit\n"
     "  updraft describe theirs.suit --output ours.ini\n"},
    {"sign", "add a signature to an envelope", offline_sign, "ENVELOPE [options]",
     "Add a signature. Several keys may sign, each once, one after another. The digest is recomputed before. For a key on\n"
     "another machine write a request, which is the envelope without its payloads; sign that there with this command; and\n"
     "attach the answer here.\n"
     "\nOptions:\n"
     "  -k, --key KEY       private key: a file (PEM, COSE_Key or HSS-LMS), readable by its owner only, or a pkcs11: URI\n"
     "  --alg NAME          instead of the one that fits the key: ESP256 for ES256\n"
     "  --pin-file FILE     PIN of the token (default: $UPDRAFT_PIN, then it is asked for)\n"
     "  --request FILE      write there what another machine must see to sign\n"
     "  --attach FILE       take the signatures of an answer that --anchor verifies\n"
     "  --anchor FILE       public key of whoever answered; may stand several times\n"
     "  -o, --output FILE   write there (default: the envelope itself, replaced as a whole)\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft sign app.suit --key author.key\n"
     "  updraft sign app.suit --key 'pkcs11:token=release;object=author' --pin-file pin\n"
     "  updraft sign app.suit --request app.request\n"
     "  updraft sign app.suit --attach app.request --anchor author.pub\n"},
    {"encrypt", "encrypt an image for some devices", offline_encrypt, "IMAGE --recipient KEY --output FILE --info FILE",
     "Encrypt an image under a key made for it alone, and wrap that key for each recipient: for a P-256 public key (PEM or\n"
     "COSE_Key) by ECDH-ES+A128KW, for a COSE_Key file with a secret of 16 or 32 bytes and a kid by AES key wrap. The\n"
     "result is described as examples/manifests/encrypted.ini does. Images of any size stream through.\n"
     "\nOptions:\n"
     "  -r, --recipient KEY  who can read it; may stand up to 16 times, 8 for devices of ours\n"
     "  --alg NAME           A128GCM (default), A256GCM, ChaCha20-Poly1305; A128CTR, A256CTR for flash that is written in\n"
     "                       sectors: they notice no change, so sign the ciphertext's digest as well\n"
     "  -o, --output FILE    the ciphertext\n"
     "  --info FILE          the SUIT_Encryption_Info\n"
     "  --json               answer as JSON\n"
     "\nExamples:\n"
     "  updraft encrypt app.bin --recipient group.pub --output app.enc --info app.info\n"
     "  updraft encrypt app.bin -r door-17.pub -r door-18.pub --alg A128CTR -o app.enc --info app.info\n"},
    {"sever", "cut parts off an envelope", offline_sever, "ENVELOPE --output FILE [options]",
     "Write the envelope without parts that its manifest names by digest, and without its payloads: what a device keeps.\n"
     "The signatures hold.\n"
     "\nOptions:\n"
     "  --cut LIST          what goes: coswid, dependency-resolution, payload-fetch, candidate-verification, install,\n"
     "                      text, payloads (default: all that is there)\n"
     "  -o, --output FILE   the smaller envelope\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft sever app.suit --output boot.suit\n"
     "  updraft sever app.suit --cut text,payloads --output small.suit\n"},
    {"verify", "check signatures, and the image", offline_verify, "ENVELOPE [options]",
     "Decide as a device with these anchors would, or as one with this provisioning file: then also whether the signers\n"
     "have the right, the components exist, and vendor and class are its own. Exits 0 only when everything holds.\n"
     "\nOptions:\n"
     "  -a, --anchor FILE    public key that is trusted; may stand several times\n"
     "  -t, --threshold N    how many of them must have signed (default: 1)\n"
     "  -p, --policy FILE    provisioning file of a device, instead of anchors and threshold\n"
     "  -i, --image FILE     is this the image that was signed?\n"
     "  --json               answer as JSON\n"
     "\nExamples:\n"
     "  updraft verify app.suit --anchor author.pub --image app.bin\n"
     "  updraft verify app.suit --anchor author.pub --anchor approver.pub --threshold 2\n"
     "  updraft verify app.suit --policy door-17/provisioning.cbor\n"},
    {"inspect", "say what an envelope will do, or what a file is", offline_inspect, "FILE [options]",
     "Of an envelope: show in plain words, step by step, what a device does with it; its digest is checked, its signatures\n"
     "are not. Of a report, an encryption info, anything else that COSE signed, or a key: show what it says. Where something\n"
     "is wrong, the byte offset is given. Secrets are never shown.\n"
     "\nOptions:\n"
     "  -a, --anchor FILE   of a report and its like: is it signed by this key? may stand several times\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft inspect app.suit\n"
     "  updraft inspect app.suit --json | jq .steps\n"
     "  updraft inspect report.cose --anchor door-17/device.pub\n"},
    {"diff", "make a patch from one image to another", offline_diff, "OLD NEW [options]",
     "Make the patch with which a device that holds OLD makes NEW. It is applied and compared before it is\n"
     "written. The same images and options give the same bytes.\n"
     "\nOptions:\n"
     "  -o, --output FILE   the patch\n"
     "  -p, --profile N     0 to 5: how much RAM the device gives, 4 to 20 KB (default: 3, 8 KB)\n"
     "  --base ADDRESS      where byte 0 of the image lies (default: guessed from OLD)\n"
     "  --predictor NAME    thumb or none (default: guessed from NEW)\n"
     "  --in-place SLOT,SECTOR  for a device with one slot of SLOT bytes, erased SECTOR bytes at a time\n"
     "  --stat              say where the bytes go\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft diff app-1.bin app-2.bin --output app.patch\n"
     "  updraft diff app-1.bin app-2.bin --base 0x08020000 --stat\n"
     "  updraft diff app-1.bin app-2.bin --in-place 0x40000,4096 --output app.patch\n"},
    {"patch", "apply a patch", offline_patch, "OLD PATCH --output FILE",
     "Apply a patch as a device does, with the device's code.\n"
     "\nOptions:\n"
     "  -o, --output FILE   the new image\n"
     "\nExamples:\n"
     "  updraft patch app-1.bin app.patch --output app-2.bin\n"},
    {"trust make", "make roots, a link to new roots, or a trust store", offline_trust_make, "DESCRIPTION --output FILE [options]",
     "Make a file of a description (docs/author.md). [roots] with number 0: the roots, for `updraft device init --roots`.\n"
     "[roots] with a higher number: a link from the roots before, to be signed by enough of both. [store]: a trust store,\n"
     "to be signed by enough of the last roots; with --after it has the next number, the same links and the same epoch.\n"
     "\nOptions:\n"
     "  -o, --output FILE   what was made\n"
     "  --after STORE       the trust store that devices have now; without it: they have none\n"
     "  --link LINK         signed link to the roots that sign this store; devices need it once, and keep it\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft trust make roots.ini --output roots.cbor\n"
     "  updraft trust make store-1.ini --output 1.trust\n"
     "  updraft trust make roots-1.ini --output 1.link\n"
     "  updraft trust make store-2.ini --after 1.trust --link 1.link --output 2.trust\n"},
    {"trust sign", "sign a trust store or a link", offline_trust_sign, "FILE --key KEY... [options]",
     "Add signatures of roots, each key once, together or one after another: the file may travel from one holder to the\n"
     "next. What is signed never changes by that.\n"
     "\nOptions:\n"
     "  -k, --key KEY       private key, as for sign; may stand several times\n"
     "  --alg NAME          instead of the one that fits the keys: ESP256 for ES256\n"
     "  --pin-file FILE     PIN of the token (default: $UPDRAFT_PIN, then it is asked for)\n"
     "  -o, --output FILE   write there (default: the file itself, replaced as a whole)\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft trust sign 1.trust --key root-a.key --key root-b.key\n"
     "  updraft trust sign 1.link --key 'pkcs11:token=vault;object=root-a' --pin-file pin\n"},
    {"trust show", "say what a trust store, a link or roots say", offline_trust_show, "FILE [options]",
     "Show who may sign what, and who signed. With --roots decide as a device with these roots would; it exits 0 only when\n"
     "a device that has no trust store, or the one of --after, would take this one. Whether its running image would still\n"
     "boot, only the device knows (UD_ERR_STRANDED).\n"
     "\nOptions:\n"
     "  --roots FILE        roots, number 0, of the devices\n"
     "  --after STORE       the trust store that they have now\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft trust show roots.cbor\n"
     "  updraft trust show 2.trust --roots roots.cbor --after 1.trust\n"},
    {"device init", "make a device folder", offline_device_init, "FOLDER [options]",
     "Make the folder of a device of the POSIX port, as it leaves manufacture: its key pair, made there, its\n"
     "provisioning file, its settings, and, with --factory, its first image.\n"
     "\nOptions:\n"
     "  --vendor NAME        as for create\n"
     "  --class NAME         as for create\n"
     "  --anchor FILE        public key that it trusts; may stand several times\n"
     "  --group N            of the anchors behind it: 0 (default) to 3\n"
     "  --threshold N        how many of them must have signed (default: 1)\n"
     "  --roots FILE         who may replace these anchors by a trust store (updraft trust make)\n"
     "  --component NAME     its component (default: app); several switch together, and the first is started\n"
     "  --writers N[,N]      groups that must each have signed what the component before it is given (default: none in particular)\n"
     "  --device-id UUID     for manifests that name one device\n"
     "  --name NAME          its name on the server (default: the folder's)\n"
     "  --server URL         address of the server's device listener\n"
     "  --tenant NAME        (default: default)\n"
     "  --ca FILE            certificate authority that the server must have\n"
     "  --poll SECONDS       how often it asks until the server says otherwise (default: 300)\n"
     "  --factory ENVELOPE   with --image FILE for each component, in their order: installed and verified\n"
     "  --slot-bytes N       room for an image (default: 2097152); each component has two\n"
     "  --envelope-bytes N   room for an envelope (default: 16384)\n"
     "  --erase-size N       sector of the flash (default: 4096)\n"
     "  --write-size N       unit of a write (default: 8)\n"
     "  --trial-boots N      starts that a new image has to confirm itself (default: 1)\n"
     "  --trial-ms N         time that it has in each (default: 60000)\n"
     "  --layout NAME        ab: an image runs from either slot (default); swap: images run from one place and\n"
     "                       change places; overwrite: the new one replaces the old one; single: room for one\n"
     "                       image, which patches in place make into the next one\n"
     "  --at-rest            swap, overwrite: what lies where images are installed is encrypted, under a secret that\n"
     "                       is made here (at-rest.key)\n"
     "  --patch-bytes N      single: room for a patch (default: 262144)\n"
     "  --recovery ENVELOPE  overwrite, single: with --recovery-image FILE, what runs when nothing else does, since\n"
     "                       such a device has no other image to go back to. Needed with single\n"
     "\nExamples:\n"
     "  updraft device init door-17 --vendor example.com --class door-lock --anchor author.pub \\\n"
     "      --server https://127.0.0.1:8443 --ca ca.pem --factory v1.suit --image v1.bin\n"},
    {"device show", "show a device folder", offline_device_show, "FOLDER [options]",
     "Show what a device's provisioning file says: kind, anchors, places in its flash.\n"
     "\nOptions:\n"
     "  --json              answer as JSON\n"
     "\nExamples:\n"
     "  updraft device show door-17\n"},
    {"device enrol", "make a device known to the server", net_device_enrol, "NAME [options]",
     "Bind a device's public key to its name; or, with --code, give out a one-time code for its first start.\n"
     "\nOptions:\n"
     "  -k, --key FILE      the device's public key\n"
     "  -f, --folder DIR    in place of --key: its folder; the key is taken from there, and the token put there\n"
     "  -t, --type NAME     its device type\n"
     "  -c, --code          a one-time code instead of a key\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft device enrol door-17 --folder door-17\n"
     "  updraft device enrol door-18 --code\n"},
    {"device list", "list the server's devices", net_device_list, "[options]",
     "List the devices that the server knows.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft device list\n"},
    {"device properties", "what a device runs and what it can do", net_device_properties, "NAME [options]",
     "Show what a device said in its newest signed reports: what runs in each component, as it was measured, and what\n"
     "manifests may ask of the device.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft device properties door-17\n"},
    {"device key", "let a LwM2M device open DTLS sessions by a key", net_device_key, "NAME [options]",
     "Bind a key of DTLS to a device. Give exactly one of --psk, --public-key and --certificate.\n"
     "\nOptions:\n"
     "  -p, --psk IDENTITY      a pre-shared key of this identity\n"
     "  -f, --key-file FILE     that key as hex; - is standard input (default: the server makes one)\n"
     "  -k, --public-key FILE   a raw public key, PEM\n"
     "  -x, --certificate FILE  a certificate, PEM; its key counts, not what it says\n"
     "  -b, --bootstrap HOW     renew or once: good for bootstrap only\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft device key meter-4 --psk meter-4\n"
     "  updraft device key meter-5 --public-key meter-5.pub --bootstrap once\n"},
    {"device ask", "read, write or command a LwM2M device", net_device_ask,
     "NAME OPERATION [PATH [VALUE]] [options]",
     "Give a command to a device and wait for its answer. A device that sleeps gets it when it is heard.\n"
     "OPERATION: read, write, execute, create, delete, discover, attributes, observe, unobserve, reboot,\n"
     "factoryReset, updateTrigger, bootstrapTrigger.\n"
     "\nOptions:\n"
     "  -w, --wait SECONDS  how long to wait for the answer (default: 60)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft device ask meter-4 read /3/0\n"
     "  updraft device ask meter-4 write /1/0/1 300\n"
     "  updraft device ask meter-4 reboot\n"},
    {"device remove", "remove a device from the server", net_device_remove, "NAME [options]",
     "Remove a device; its key and token count no more.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft device remove door-17\n"},
    {"device-type", "make a device type", net_device_type, "NAME [options]",
     "Make a device type. Only foreign types take unsigned releases, and those never end as confirmed.\n"
     "\nOptions:\n"
     "  -f, --foreign       for devices that know no envelopes\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft device-type door-lock\n"
     "  updraft device-type old-gateway --foreign\n"},
    {"login", "store where the server is and who you are", net_login, "--server URL [options]",
     "Check address and token against the server, then keep them in a file of mode 0600.\n"
     "The token is asked for on the terminal when no file and no variable gives it. With --user, the password is; the server\n"
     "then makes a token for this machine (`updraft token list` shows it), and the password is kept nowhere.\n"
     "\nOptions:\n"
     "      --user NAME            sign in with a password in place of a token\n"
     "      --password-file FILE   first line; - is standard input; /dev/fd/N is a file descriptor\n"
     "      --tenant NAME          of that person (default: the default tenant)\n"
     "      --days N               how long the token is good for (default: 30)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft login --server https://127.0.0.1:8444 --ca ca.pem --token-file first-token\n"
     "  updraft login --server https://updates.example.com --user carol\n"},
    {"anchor", "the server's trust anchors: add, list, remove", net_anchor, "add NAME --key FILE | list | remove KID",
     "Public keys whose signatures the server asks for before it takes a release.\n"
     "\nOptions:\n"
     "  -k, --key FILE      public key to add\n"
     "  -w, --weight N      how much it counts (default: 1)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft anchor add release-2027 --key author.pub\n"
     "  updraft anchor list\n"},
    {"publish", "upload a release", net_publish, "ENVELOPE [options]",
     "Upload the payloads, then the envelope. An upload that was cut goes on where it ended.\n"
     "\nOptions:\n"
     "  -p, --payload FILE  image of the envelope; may stand several times\n"
     "  -n, --name TEXT     name of the release\n"
     "  -v, --version TEXT  its version\n"
     "  -f, --foreign TYPE  payloads without an envelope, for a foreign device type\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft publish app.suit --payload app.bin --name app --version 2.1.0\n"},
    {"releases", "list releases", net_releases, "[options]",
     "List what was published.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft releases\n"},
    {"deploy", "assign a release to devices", net_deploy, "RELEASE DEVICE... | RELEASE --all [options]",
     "Assign a release. Each device gets an action, which ends as confirmed only by the device's signed report.\n"
     "\nOptions:\n"
     "  -a, --all           every device\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft deploy 12 door-17 door-18\n"},
    {"status", "what each device runs", net_status, "[DEVICE] [options]",
     "Show what runs where, by the devices' signed reports.\n"
     "\nOptions:\n"
     "  -w, --watch         go on, live\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft status\n"
     "  updraft status door-17 --watch\n"},
    {"user", "people and services: add, change, list, remove", net_user, "add NAME --role ROLE... | set NAME | list | remove NAME",
     "People log in with a password or through the identity provider; services have tokens only.\n"
     "Roles: viewer, author, approver, operator, trust, administrator. Nobody is author and operator at once.\n"
     "\nOptions:\n"
     "      --role ROLE           what they may; may stand several times\n"
     "      --group GROUP         only devices of this group (\"eu/berlin\"); an empty one: all\n"
     "      --service             no login, tokens only\n"
     "      --password-file FILE  first line, 12 to 128 characters; - is standard input\n"
     "      --subject TEXT        who they are at the identity provider\n"
     "      --disable, --enable   (set)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft user add carol --role operator --group eu --password-file -\n"
     "  updraft user set carol --disable\n"},
    {"token", "tokens: make, list, end", net_token, "add LABEL | list | remove ID",
     "A token has its person's roles, or fewer. It is shown once.\n"
     "\nOptions:\n"
     "      --user NAME         for somebody else (administrators)\n"
     "      --role ROLE         only these of the person's roles; may stand several times\n"
     "      --days N            ends after so many days (default: never)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft token add ci --user build-server --role author --days 90\n"
     "  updraft token remove 7\n"},
    {"tenant", "tenants: add, list", net_tenant, "add NAME | list",
     "A tenant is a fleet of its own: nobody of another one sees it. Adding gives its owner's token.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft tenant add acme\n"},
    {"policy", "how many approvals a release needs", net_policy, "show | set --approvals N",
     "With approvals asked for, who uploaded a release neither approves nor deploys it.\n"
     "\nOptions:\n"
     "      --approvals N       0 to 5\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft policy set --approvals 1\n"},
    {"settings", "what a tenant sets for itself: polling, ways in, approvals", net_settings,
     "list | get NAME | set NAME VALUE | reset NAME",
     "hawkBit's tenant configuration. A setting holds from the command's end on, without a restart; reset goes back to what\n"
     "the server's file says. The names and what they do are in docs/hawkbit.md.\n"
     "\nOptions:\n"
     "      --value-file FILE   the value of a secret ('-': standard input)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft settings list\n"
     "  updraft settings set pollingTime \"01:00:00~10%, group == 'eu' -> 00:02:00\"\n"
     "  updraft settings set rollout.approval.enabled true\n"
     "  updraft settings set authentication.gatewaytoken.key --value-file gateway.token\n"
     "  updraft settings reset pollingTime\n"},
    {"approve", "approve a release", net_approve, "RELEASE [options]",
     "Give your word that this release may be delivered.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft approve 12\n"},
    {"audit", "the log of what people did: verify, export", net_audit, "verify [--file FILE] | export",
     "Every entry carries a hash over itself and the one before. verify computes them all again, and compares with\n"
     "what it saw last time, so that a log that was cut or written anew is noticed. export gives it as JSON lines.\n"
     "\nOptions:\n"
     "  -f, --file FILE     verify an export instead of the server\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft audit verify\n"
     "  updraft audit export > audit.jsonl && updraft audit verify --file audit.jsonl\n"},
    {"sign-in-link", "a link that opens the console, once", net_sign_in_link, "[options]",
     "Prints a link that signs you in to the web console: once, within ten minutes, as the person of your token. What makes\n"
     "it secret stands behind the #, which browsers do not send.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft sign-in-link\n"},
    {"rollout", "a release for many devices, in groups", net_rollout, "create NAME --release N [DEVICE...] | forecast NAME --release N [DEVICE...] | list | show ID | failures ID | STEP ID",
     "Steps: start, pause, resume, stop, next (start the next group now), retry (a new one for those that failed),\n"
     "approve, deny, remove. failures says why devices failed and what they share: hardware (the attribute of that name,\n"
     "else the type) and what they ran before. Devices are those of the filter, or named. forecast makes nothing and says what create would\n"
     "do: how many devices, which groups, about how long, at most how many bytes.\n"
     "\nOptions of create and forecast:\n"
     "  -r, --release N         the release's number\n"
     "  -f, --filter FILTER     which devices; docs/server.md has the language. Without one: all\n"
     "  -g, --groups N          so many groups of equal size, one after the other\n"
     "      --success PERCENT   of a group that must succeed before the next one starts (50)\n"
     "      --error PERCENT     of a group that may fail before it stops (50)\n"
     "      --weight N          0 to 1000; of two rollouts the weightier one has a device first\n"
     "      --start WHEN        manual, or auto: as soon as it is ready\n"
     "      --count N           how many devices you expect; refused when over 1 % more or fewer meet the filter\n"
     "      --description TEXT\n"
     "  -p, --plan FILE         JSON with everything else: groups, windows, rates (docs/formats.md section 16)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft rollout create spring --release 12 --filter 'attribute.hw==r2' --groups 5\n"
     "  updraft rollout start 3 && updraft rollout show 3\n"},
    {"devices", "devices by filter", net_devices, "[--filter FILTER] [--count] [options]",
     "\nOptions:\n"
     "      --filter FILTER     docs/server.md has the language\n"
     "      --count             only how many\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft devices --filter 'status==error;attribute.site==berlin*'\n"},
    {"bulk", "the same for many devices", net_bulk, "ACTION --filter FILTER | ACTION DEVICE... [options]",
     "Actions: tag, untag, group, poll, quarantine, release (from quarantine). Says first how many devices it is about and\n"
     "what happens to each; does it only with --yes. The server refuses when the count has moved by more than a hundredth.\n"
     "\nOptions:\n"
     "      --filter FILTER     those that fit (docs/server.md, Filters); '' is every device\n"
     "      --tag NAME          of tag and untag\n"
     "      --group NAME        of group; '' is none\n"
     "      --reason TEXT       of quarantine: everybody who looks at a device sees it\n"
     "      --yes               do it\n"
     "      --dry-run           only say it, as without --yes\n"
     "      --count N           with --yes: so many were seen before; else what is counted now\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft bulk tag --tag canary --filter 'attribute.site==berlin*'\n"
     "  updraft bulk tag --tag canary --filter 'attribute.site==berlin*' --count 120 --yes\n"
     "  updraft bulk quarantine --reason 'talks to strangers' door-17 door-18 --yes\n"},
    {"overview", "where all devices stand, and what needs a person", net_overview, "[options]",
     "One sentence, how many devices stand where, and everything that needs somebody, most harm first.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft overview\n"
     "  updraft overview --json | jq '.todo[].what'\n"},
    {"says", "the sentence that a page opens with", net_says, "PAGE [WHICH] [options]",
     "The same words as in the console. Pages: overview, devices, releases, rollouts, security; with a name or a number,\n"
     "that device, release or rollout.\n"
     "\nOptions:\n"
     "      --filter QUERY      of devices: those that fit (docs/server.md, Filters)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft says rollouts 12\n"
     "  updraft says devices --filter 'status==error'\n"},
    {"refused", "reports that were not believed", net_refused, "[DEVICE] [options]",
     "One row for each device and reason, newest first: how often, and why.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft refused\n"
     "  updraft refused door-17 --json\n"},
    {"why", "why a device does not run what it should", net_why, "DEVICE [options]",
     "One sentence, what to do, and the checks on the way with their evidence.\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft why door-17\n"},
    {"quarantine", "hold a device apart, or free it", net_quarantine, "DEVICE --reason TEXT [--release N] | DEVICE --end",
     "What is under way ends, and nothing is offered but the release that frees it.\n"
     "\nOptions:\n"
     "      --reason TEXT       everybody who looks at the device sees it\n"
     "      --release N         the one that it may still be given\n"
     "      --end               free it\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft quarantine door-17 --reason 'talks to strangers'\n"},
    {"recall", "withdraw a release", net_recall, "RELEASE --reason TEXT [options]",
     "It is offered no more, its rollouts pause, and downloads end at the next request.\n"
     "\nOptions:\n"
     "      --reason TEXT       those who have it will ask\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft recall 12 --reason 'bricks revision 2'\n"},
    {"import", "copy a fleet from a running hawkBit", net_import, "hawkbit --url URL --password-file FILE [options]",
     "Types, tags, filters, modules with their artifacts, sets, targets with their tokens. Run it again at any time: what is\n"
     "here already stays as it is, and a download that was cut goes on. Targets take sets only when an administrator marked\n"
     "their type as foreign.\n"
     "\nOptions:\n"
     "  -u, --url URL             hawkBit's address\n"
     "  -p, --password-file FILE  first line user:password; - is standard input\n"
     "  -c, --source-ca FILE      CA of its certificate\n"
     "  -f, --folder FOLDER       for downloads under way (updraft-import)\n"
     SERVER_OPTIONS
     "\nExamples:\n"
     "  updraft import hawkbit --url https://hawkbit.example.com --password-file hawkbit.secret\n"},
};
/* clang-format on */

static void print_all(FILE *out)
{
    fputs("updraft: build, sign, inspect and deliver firmware updates\n"
          "\nUsage: updraft COMMAND [options]\n"
          "\nCommands (updraft COMMAND --help says more):\n",
          out);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fprintf(out, "  %-14s  %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\nExit codes: 0 done; 1 refused (a check, or the server, said no); 2 wrong arguments;\n"
          "3 file, network or configuration. Errors have a stable name; docs/errors.md explains each.\n",
          out);
}

static void print_one(const struct command *command)
{
    printf("Usage: updraft %s %s\n\n%s", command->name, command->usage, command->help);
}

/* How many words of the command line name this command; 0: it does not. */
static int words_of(const struct command *command, int argc, char **argv)
{
    const char *space = strchr(command->name, ' ');
    const size_t first = space != NULL ? (size_t)(space - command->name) : strlen(command->name);
    if (argc < 2 || strlen(argv[1]) != first || memcmp(argv[1], command->name, first) != 0) {
        return 0;
    }
    if (space == NULL) {
        return 1;
    }
    return argc > 2 && strcmp(argv[2], space + 1) == 0 ? 2 : 0;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run(const struct command *command, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i])) {
            print_one(command);
            return CLI_OK;
        }
    }
    return command->run(argc, argv);
}

int commands_main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const int words = words_of(&commands[i], argc, argv);
        if (words > 0) {
            return run(&commands[i], argc - words, argv + words);
        }
    }
    if (argc > 1 && is_help(argv[1])) {
        print_all(stdout);
        return CLI_OK;
    }
    print_all(stderr);
    return CLI_USAGE;
}
