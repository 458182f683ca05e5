/* In libFuzzer's place where there is only a C compiler: every file named, and every file of the folders named, goes
 * through the target once. A finding aborts; no file at all is a failure. */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

static int replayed;

static void one_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat about;
    fuzz_require(file && fstat(fileno(file), &about) == 0, "%s cannot be read", path);
    size_t size = (size_t)about.st_size;
    /* Exactly as long as the file, so that a sanitizer sees any read beyond it. */
    uint8_t *data = malloc(size ? size : 1);
    fuzz_require(data && fread(data, 1, size, file) == size, "%s cannot be read", path);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one shown is the finding */
    LLVMFuzzerTestOneInput(data, size);
    replayed++;
    free(data);
}

static void all_of(const char *path) {
    DIR *folder = opendir(path);
    char inner[4096];
    if (!folder) {
        one_file(path);
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        one_file(inner);
    }
    closedir(folder);
}

int main(int argc, char **argv) {
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) all_of(argv[i]);
    printf("%d inputs\n", replayed);
    return replayed ? EXIT_SUCCESS : EXIT_FAILURE;
}
