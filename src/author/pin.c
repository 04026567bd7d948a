/* The PIN of a token: from a file, from the environment, from the terminal; never from the command line. */
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "author/cli.h"
#include "ports/openssl/files.h"

static void cut_line(char *text)
{
    text[strcspn(text, "\r\n")] = '\0';
}

static ud_err pin_from_file(const char *path, char pin[UD_TOKEN_PIN_BYTES_MAX])
{
    struct ud_buf buf = {(uint8_t *)pin, UD_TOKEN_PIN_BYTES_MAX - 1, 0};
    const ud_err err = ud_small_file_read(path, true, &buf);
    pin[err == UD_OK ? buf.len : 0] = '\0';
    cut_line(pin);
    return err;
}

static ud_err pin_from_terminal(char pin[UD_TOKEN_PIN_BYTES_MAX])
{
    struct termios shown;
    struct termios hidden;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &shown) != 0) {
        return UD_ERR_TOKEN;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "PIN: ");
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    const bool got = fgets(pin, UD_TOKEN_PIN_BYTES_MAX, stdin) != NULL;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    cut_line(pin);
    return got ? UD_OK : UD_ERR_TOKEN;
}

ud_err cli_token_open(struct ud_token **token, const char *uri, const char *pin_file)
{
    char pin[UD_TOKEN_PIN_BYTES_MAX] = "";
    const char *given = getenv("UPDRAFT_PIN");
    ud_err err = UD_OK;
    if (pin_file != NULL) {
        err = pin_from_file(pin_file, pin);
    } else if (given == NULL) {
        err = pin_from_terminal(pin);
    } else if (strlen(given) < sizeof pin) {
        memcpy(pin, given, strlen(given) + 1);
    } else {
        err = UD_ERR_TOKEN;
    }
    if (err == UD_OK) {
        err = ud_token_open(token, uri, pin);
    }
    ud_wipe(pin, sizeof pin);
    return err;
}
