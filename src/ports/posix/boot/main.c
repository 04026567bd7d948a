/*
 * updraft-boot DIR: a chip with its bootloader, as a program. Each round of its loop is a reset: verify, choose, start the
 * image, wait for its end. Killing it is a power cut: the image dies with it.
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports/posix/app.h"
#include "ports/posix/device_folder.h"
#include "ports/posix/launch.h"
#include "updraft/boot_domains.h"
#include "updraft/boot_in_place.h"

#define PAUSE_AFTER_CRASH_MS 1000
#define BUSY_PAUSE_MS 20
#define BUSY_PAUSES_MAX 250
#define STATUS_NO_IMAGE 69
#define STATUS_USAGE 64
#define STATUS_DEVICE 66
#define STATUS_LAUNCH 71

/* The whole machine; large, so on the heap. */
struct machine {
    struct ud_device_folder device;
    struct ud_boot_in_place boot;
    struct ud_boot_domains domains;
    struct ud_boot_info info;
    struct ud_launch launch;
    uint8_t envelope[UD_AGENT_ENVELOPE_BYTES];
    char **arguments; /* of the image; the first is its name */
    char name[8];
    bool once;
    ud_err ended; /* how the last start ended */
};

static const char help[] =
    "updraft-boot DIR [--once] [-- ARGUMENTS]\n"
    "\n"
    "Start the image of a device folder as its bootloader would: verify signature, digest and sequence,\n"
    "try what was installed, keep it once it has confirmed itself, go back if it did not.\n"
    "\n"
    "  --once       one start only, no reset after it; exits with the image's status\n"
    "  ARGUMENTS    are given to the image\n"
    "\n"
    "Exit status: 0 the image ended by itself or was stopped, 64 usage, 66 device folder, 69 no image may "
    "run,\n"
    "71 the image could not be started.\n"
    "\n"
    "Example: updraft-boot /var/lib/door-17\n";

static const char *reason_name(ud_boot_reason reason)
{
    static const char *const names[] = {"unknown", "normal", "trial", "reverted", "fallback", "recovery"};
    return (size_t)reason < sizeof names / sizeof names[0] ? names[reason] : "?";
}

static void log_choice(const struct machine *machine, ud_err err)
{
    const struct ud_boot_info *info = &machine->info;
    (void)fprintf(stderr, "boot event=choose slot=%u reason=%s sequence=%llu outcome=%s err=%s\n",
                  (unsigned)info->slot, reason_name(info->reason), (unsigned long long)info->version.sequence,
                  ud_err_name(info->outcome), ud_err_name(err));
}

/* Silent for a device whose trust is as it was made. */
static void log_trust(const struct ud_boot_trust *trust)
{
    if (trust->replaceable) {
        (void)fprintf(stderr, "boot event=trust number=%u epoch=%u outcome=%s\n",
                      (unsigned)trust->store.trust.number, (unsigned)trust->store.trust.epoch,
                      ud_err_name(trust->outcome));
    }
}

static ud_err choose_and_load(struct machine *machine, int *image_fd)
{
    const struct ud_boot_identity identity = ud_device_folder_identity(&machine->device);
    machine->info = (struct ud_boot_info){0};
    ud_err err = ud_device_folder_trust_load(&machine->device);
    log_trust(&machine->device.trust);
    if (err != UD_OK) {
        return err;
    }
    ud_boot_init(&machine->boot.boot, &machine->device.layout, &machine->device.trust.store.trust, &identity,
                 machine->envelope, sizeof machine->envelope);
    ud_boot_depend(&machine->boot.boot, &machine->domains);
    if (machine->device.layout.mover == &ud_move_patch) {
        ud_boot_in_place(&machine->boot, ud_device_staging);
    } else if (machine->device.layout.mover != NULL) {
        ud_boot_move(&machine->boot.boot);
    }
    err = ud_boot_choose(&machine->boot.boot, machine->ended, &machine->info);
    log_choice(machine, err);
    if (err != UD_OK) {
        return err;
    }
    if (ud_boot_allows(&machine->boot.boot, &machine->info) != UD_SURE_YES) {
        return UD_ERR_NO_SLOT;
    }
    return ud_launch_load(&machine->boot.boot.slots, &machine->info, image_fd);
}

/* After a power cut (a kill) the image of the last life may take a moment to let go of the flash. */
static ud_err take_flash(struct machine *machine)
{
    ud_err err = ud_device_folder_flash_open(&machine->device);
    for (int i = 0; i < BUSY_PAUSES_MAX && err == UD_ERR_BUSY; i++) {
        (void)poll(NULL, 0, BUSY_PAUSE_MS);
        err = ud_device_folder_flash_open(&machine->device);
    }
    return err;
}

/* The bootloader has the flash only while it decides; the image takes it over. */
static ud_err reset(struct machine *machine)
{
    int image_fd = -1;
    ud_err err = take_flash(machine);
    if (err != UD_OK) {
        return err;
    }
    err = choose_and_load(machine, &image_fd);
    ud_device_folder_flash_close(&machine->device);
    if (err != UD_OK) {
        return err;
    }
    return ud_launch_start(&machine->launch, image_fd, &machine->info, machine->device.path,
                           machine->arguments);
}

static bool is_on_trial(const struct machine *machine)
{
    return machine->info.reason == UD_BOOT_TRIAL && !machine->launch.confirmed;
}

static void log_end(const struct machine *machine)
{
    static const char *const names[] = {
        [UD_LAUNCH_EXITED] = "exited",
        [UD_LAUNCH_KILLED] = "killed",
        [UD_LAUNCH_DEADLINE] = "deadline",
        [UD_LAUNCH_STOPPED] = "stopped",
    };
    (void)fprintf(stderr, "boot event=end how=%s status=%d confirmed=%s\n", names[machine->launch.end],
                  machine->launch.status, is_on_trial(machine) ? "no" : "yes");
}

/* What the end of the image means for the next reset. @return false: there is none, `status` is ours */
static bool judge_end(struct machine *machine, int *status)
{
    const struct ud_launch *launch = &machine->launch;
    const bool asked = launch->end == UD_LAUNCH_EXITED && launch->status == UD_APP_STATUS_RESET;
    machine->ended = UD_OK;
    if (launch->end == UD_LAUNCH_STOPPED) {
        *status = 0;
        return false;
    }
    if (launch->end == UD_LAUNCH_DEADLINE) {
        machine->ended = UD_ERR_UNCONFIRMED;
    } else if (!asked && is_on_trial(machine)) {
        machine->ended = UD_ERR_CRASHED;
    } else if (launch->end == UD_LAUNCH_EXITED && launch->status == 0) {
        *status = 0; /* the application is done */
        return false;
    } else if (!asked) {
        (void)poll(NULL, 0, PAUSE_AFTER_CRASH_MS); /* a watchdog's pace, not a busy loop */
    }
    *status = launch->end == UD_LAUNCH_EXITED ? launch->status : 128 + launch->status;
    return !machine->once;
}

static int run(struct machine *machine)
{
    int status = 0;
    do {
        ud_err err = reset(machine);
        if (err == UD_OK) {
            err = ud_launch_wait(&machine->launch,
                                 machine->info.reason == UD_BOOT_TRIAL ? machine->info.confirm_deadline_ms : 0);
        }
        if (err != UD_OK) {
            (void)fprintf(stderr, "boot event=halt err=%s next=\"%s\"\n", ud_err_name(err), ud_err_remedy(err));
            return err == UD_ERR_NO_SLOT ? STATUS_NO_IMAGE : STATUS_LAUNCH;
        }
        log_end(machine);
    } while (judge_end(machine, &status));
    return status;
}

/* DIR first or last, options anywhere; what follows `--` belongs to the image. @return -1 to go on */
static int parse(struct machine *machine, int argc, char **argv, const char **folder)
{
    static const struct option options[] = {
        {"once", no_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            return 0;
        }
        if (option != 'o') {
            (void)fputs(help, stderr);
            return STATUS_USAGE;
        }
        machine->once = true;
    }
    if (optind >= argc) {
        (void)fputs(help, stderr);
        return STATUS_USAGE;
    }
    *folder = argv[optind];
    machine->arguments = &argv[optind];
    while (machine->arguments[1] != NULL && strcmp(machine->arguments[1], "--once") == 0) {
        machine->once = true;
        machine->arguments++;
    }
    if (machine->arguments[1] != NULL && strcmp(machine->arguments[1], "--") == 0) {
        machine->arguments++;
    }
    memcpy(machine->name, "image", sizeof "image");
    machine->arguments[0] = machine->name;
    return -1;
}

int main(int argc, char **argv)
{
    const char *folder = NULL;
    struct machine *machine = calloc(1, sizeof *machine);
    if (machine == NULL) {
        return STATUS_LAUNCH;
    }
    int status = parse(machine, argc, argv, &folder);
    if (status < 0) {
        const ud_err err = ud_device_folder_open(&machine->device, folder, &machine->boot.boot.slots);
        if (err != UD_OK) {
            (void)fprintf(stderr, "boot event=open folder=%s err=%s next=\"%s\"\n", folder, ud_err_name(err),
                          ud_err_remedy(err));
            status = STATUS_DEVICE;
        } else {
            status = ud_launch_init(&machine->launch) == UD_OK ? run(machine) : STATUS_LAUNCH;
        }
    }
    free(machine);
    return status;
}
