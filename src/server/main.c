/* updraftd: settings, start, wait for a signal, stop. */
#include "server/server.h"
#include "server/upkeep.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WORDS_BYTES_MAX 65536
#define TICK_S 30
#define EXIT_USAGE 2

static int wait_for_end(struct ud_server *server, const sigset_t *signals)
{
    const struct timespec tick = {TICK_S, 0};
    for (;;) {
        const int got = sigtimedwait(signals, NULL, &tick);
        if (got == SIGTERM || got == SIGINT) {
            return EXIT_SUCCESS;
        }
        ud_server_tick(server);
    }
}

/* "backup FOLDER", "restore FOLDER", "check": taken from the front, so that only settings are left. */
static int take_command(int *argc, char **argv, const char **command, const char **folder)
{
    if (*argc < 2 || !ud_upkeep_is_command(argv[1])) {
        return 0;
    }
    const int words = *argc > 2 && argv[2][0] != '-' ? 2 : 1;
    *command = argv[1];
    *folder = words == 2 ? argv[2] : NULL;
    argv[words] = argv[0];
    *argc -= words;
    return words;
}

int main(int argc, char **argv)
{
    const char *command = NULL;
    const char *folder = NULL;
    argv += take_command(&argc, argv, &command, &folder);
    struct ud_server server = {.log = {STDERR_FILENO, UD_LOG_INFO}};
    struct ud_text words;
    sigset_t signals;
    ud_text_init(&words, WORDS_BYTES_MAX);
    const ud_config_result read = ud_config_read(&server.config, argc, argv, getenv, &words);
    if (read != UD_CONFIG_RUN) {
        fputs(words.ptr == NULL ? "out of memory\n" : words.ptr, read == UD_CONFIG_HELP ? stdout : stderr);
        ud_text_free(&words);
        return read == UD_CONFIG_HELP ? EXIT_SUCCESS : EXIT_USAGE;
    }
    ud_text_free(&words);
    if (command != NULL) {
        return ud_upkeep_run(command, folder, &server.config);
    }
    server.log.level = (ud_log_level)server.config.log_level;
    /* every thread inherits the mask, so the signals come to this one only */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (ud_server_start(&server) != UD_OK) {
        return EXIT_FAILURE;
    }
    const int code = wait_for_end(&server, &signals);
    ud_server_stop(&server);
    return code;
}
