/*
 * Runs a fuzz target over its corpus without libFuzzer: `replay_X FOLDER`. Every file goes in whole and cut short at
 * every length up to a limit, so a corpus of whole inputs also covers the truncated ones.
 *
 * Exits 1 when the folder holds no file: a target without a corpus would otherwise pass by doing nothing.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX (1024 * 1024)
#define TRUNCATIONS_MAX 4096 /* beyond it only the whole input: time grows with the square of the length */
#define PATH_BYTES_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv); /* not every target has one */

/* A copy of exactly the right size, so that the sanitizer sees a read of one byte too many. */
static void run_exact(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) {
        fprintf(stderr, "replay: out of memory\n");
        exit(1);
    }
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static size_t run_with_truncations(const uint8_t *data, size_t size)
{
    size_t runs = 0;
    for (size_t cut = 0; cut < size && size <= TRUNCATIONS_MAX; cut++) {
        run_exact(data, cut);
        runs++;
    }
    run_exact(data, size);
    return runs + 1;
}

static size_t run_file(const char *path, uint8_t *buffer)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    const size_t size = fread(buffer, 1, INPUT_BYTES_MAX, file);
    fclose(file);
    return run_with_truncations(buffer, size);
}

int main(int argc, char **argv)
{
    static uint8_t buffer[INPUT_BYTES_MAX];
    char path[PATH_BYTES_MAX];
    size_t files = 0;
    size_t runs = 0;

    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER (an existing corpus: fuzz/X for X_fuzz.c)\n", argv[0]);
        return 1;
    }
    if (LLVMFuzzerInitialize != NULL && LLVMFuzzerInitialize(&argc, &argv) != 0) {
        return 1;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        runs += run_file(path, buffer);
        files++;
    }
    closedir(folder);
    printf("replayed %zu files, %zu inputs\n", files, runs);
    return files > 0 ? 0 : 1;
}
