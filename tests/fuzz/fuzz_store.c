/* Run folders: a manifest of any bytes, found, listed and shown. */
#include "command.h"

#include <overparam/store.h>

#define RUN "lazy-width/20260102-030405-0123abcd"

/* The runs folder with one run in it, made once. */
static const char *runs_folder(void) {
    static char root[300];
    if (!root[0]) {
        char path[400];
        snprintf(root, sizeof root, "%s/runs", fuzz_folder());
        snprintf(path, sizeof path, "%s/" RUN "/tables", root);
        fuzz_must(ovp_io_make_dirs(fuzz_ctx(), path), "scratch run");
        setenv("OVERPARAM_RUNS", root, 1);
    }
    return root;
}

static void write_manifest(const char *root, const uint8_t *data, size_t size) {
    char path[400];
    snprintf(path, sizeof path, "%s/" RUN "/manifest.json", root);
    FILE *file = fopen(path, "w");
    fuzz_require(file && fwrite(data, 1, size, file) == size && fclose(file) == 0, "%s", path);
}

static void commands(void) {
    char lines[][32] = {"list", "list\n--json", "show\nlatest", "show\nlatest\n--json"}, *argv[4];
    for (int i = 0; i < 4; i++) {
        int argc = fuzz_arguments(lines[i], argv, 3);
        fuzz_command(cli_command_find("runs"), argc, argv);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    const char *root = runs_folder();
    json_t *list;
    char *dir;
    write_manifest(root, data, size);
    fuzz_must(ovp_store_list(&list, ctx, root), "list");
    fuzz_require(json_array_size(list) == 1, "%zu runs listed", json_array_size(list));
    const char *status = json_string_value(json_object_get(json_array_get(list, 0), "status"));
    fuzz_require(status && status[0], "a run without a status");
    json_decref(list);
    (void)fuzz_ok(ovp_store_find(&dir, ctx, root, "20260102"));
    ovp_free(ctx, dir);
    commands();
    return fuzz_end();
}
