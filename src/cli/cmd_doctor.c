/* overparam doctor */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli_int.h"

static const cli_option options[] = {{"json", NULL, "One JSON object."}, {0}};

/* Collects lines for people and members for JSON at the same time. */
typedef struct doctor {
    cli_app *cli;
    cli_grid grid;
    json_t *object, *warnings;
} doctor;

static void line(doctor *d, const char *label, const char *text) {
    cli_grid_cell(&d->grid, "%s", label);
    cli_grid_cell(&d->grid, "%s", text);
}

static void warn(doctor *d, const char *text) {
    cli_json_append(d->cli, d->warnings, json_string(text));
}

/* Which levels this processor can run: asked by making a context at each. */
static void levels(doctor *d) {
    static const char *const names[] = {"base", "v3", "v4"};
    json_t *list = json_array();
    char text[160];
    int used = snprintf(text, sizeof text, "%s (available:", ovp_isa(d->cli->ctx));
    for (int i = 0; i < 3; i++) {
        ovp_ctx_options settings = {.size = sizeof settings, .threads = 1, .isa = names[i]};
        ovp_ctx *ctx = NULL;
        if (ovp_ctx_create(&ctx, &settings) != OVP_OK) continue;
        ovp_ctx_free(ctx);
        used += snprintf(text + used, sizeof text - (size_t)used, " %s", names[i]);
        cli_json_append(d->cli, list, json_string(names[i]));
    }
    snprintf(text + used, sizeof text - (size_t)used, ")%s", getenv("OVERPARAM_ISA") ? ", set by OVERPARAM_ISA" : "");
    line(d, "Vector level", text);
    cli_json_set(d->cli, d->object, "isa", json_string(ovp_isa(d->cli->ctx)));
    cli_json_set(d->cli, d->object, "isa_available", list);
}

static void processor(doctor *d) {
    char name[128], text[160];
    ovp_cpu_name(name, sizeof name);
    line(d, "Processor", name);
    cli_json_set(d->cli, d->object, "cpu", json_string(name));
    levels(d);
    snprintf(text, sizeof text, "%d", ovp_threads(d->cli->ctx));
    line(d, "Threads", text);
    cli_json_set(d->cli, d->object, "threads", json_integer(ovp_threads(d->cli->ctx)));
}

static void blas(doctor *d) {
    const char *core = ovp_numeric_blas_core(), *flavour = ovp_numeric_blas_flavour(),
               *pinned = getenv("OPENBLAS_CORETYPE");
    char text[400], name[64];
    ovp_numeric_blas_name(name, sizeof name);
    snprintf(text, sizeof text, "%s, kernels %s, threading %s", name, core, flavour);
    line(d, "BLAS", text);
    cli_json_set(d->cli, d->object, "blas", json_string(name));
    cli_json_set(d->cli, d->object, "core", json_string(core));
    cli_json_set(d->cli, d->object, "flavour", json_string(flavour));
    cli_json_set(d->cli, d->object, "openblas_coretype", pinned ? json_string(pinned) : json_null());
    if (pinned && *pinned) {
        snprintf(text, sizeof text,
                 "OPENBLAS_CORETYPE=%.40s pins the BLAS kernels; unset it unless that is meant (env -u "
                 "OPENBLAS_CORETYPE overparam ...)",
                 pinned);
        warn(d, text);
    } else if (!strcmp(core, "Prescott") && ovp_isa_rank(d->cli->ctx) >= 1) {
        /* OpenBLAS 0.3.21 does not know newer Intel parts and falls back to SSE3 kernels. */
        snprintf(text, sizeof text,
                 "BLAS runs its Prescott kernels (SSE3) on a processor with AVX2: several times slower; set "
                 "OPENBLAS_CORETYPE=%s, or install a newer OpenBLAS",
                 ovp_isa_rank(d->cli->ctx) >= 2 ? "SkylakeX" : "Haswell");
        warn(d, text);
    }
}

/* First number of a small file of the kernel; 0 if there is none ("max"). */
static double read_number(const char *path) {
    char text[64] = "";
    int64_t value = 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    if (!fgets(text, sizeof text, file)) text[0] = '\0';
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
    return ovp_parse_int(text, &value) ? (double)value : 0;
}

static void memory(doctor *d) {
    double total = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGE_SIZE);
    double limit = read_number("/sys/fs/cgroup/memory.max");
    char text[96], amount[32], limited[32];
    if (limit <= 0 || limit > total) limit = total;
    cli_bytes_text(amount, sizeof amount, total);
    cli_bytes_text(limited, sizeof limited, limit);
    snprintf(text, sizeof text, limit < total ? "%s, %s allowed here" : "%s", amount, limited);
    line(d, "Memory", text);
    cli_json_set(d->cli, d->object, "memory_bytes", json_integer((json_int_t)limit));
}

static void run_index(doctor *d) {
    const char *version = ovp_store_index_version();
    line(d, "Run index", version[0] ? version : "left out of this build: the run folders are read instead");
    cli_json_set(d->cli, d->object, "run_index", version[0] ? json_string(version) : json_null());
}

static void gnuplot(doctor *d) {
    char version[96] = "";
    const int found = ovp_figure_available(version, sizeof version);
    line(d, "Figures", found ? version : "no gnuplot: runs finish without figures");
    cli_json_set(d->cli, d->object, "gnuplot", found ? json_string(version) : json_null());
    if (!found) warn(d, "no gnuplot on PATH, so runs have no figures; install it: apt-get install gnuplot-nox");
}

/* Optional parts of the build. */
static void images(doctor *d) {
    static const char *const formats[][3] = {{"PNG images", "png", "libpng-dev"},
                                             {"JPEG images", "jpeg", "libturbojpeg0-dev"}};
    char text[96];
    for (int i = 0; i < 2; i++) {
        const char *library = ovp_io_image_library(formats[i][1]);
        snprintf(text, sizeof text, "left out of this build; install %s and build again", formats[i][2]);
        line(d, formats[i][0], library ? library : text);
        cli_json_set(d->cli, d->object, formats[i][1], library ? json_string(library) : json_null());
    }
}

static void convolutions(doctor *d) {
    const char *library = ovp_net_conv_library();
    line(d, "Convolutions", library ? library : "left out of this build; install libdnnl-dev and build again");
    cli_json_set(d->cli, d->object, "convolutions", library ? json_string(library) : json_null());
}

static ovp_status data(doctor *d) {
    ovp_status status = OVP_OK;
    const ovp_data_info *info;
    json_t *sets = json_object();
    for (ovp_idx i = 0; (info = ovp_data_at(i)); i++) {
        char *folder = NULL, label[64];
        snprintf(label, sizeof label, "Data %s", info->name);
        status = ovp_data_locate(&folder, d->cli->ctx, info->name);
        if (status == OVP_ENOTFOUND) {
            line(d, label, "missing");
            warn(d, ovp_message(d->cli->ctx));
            ovp_clear(d->cli->ctx);
            status = OVP_OK;
        } else if (status == OVP_OK) {
            line(d, label, folder);
        }
        cli_json_set(d->cli, sets, info->name, folder ? json_string(folder) : json_null());
        ovp_free(d->cli->ctx, folder);
        if (status != OVP_OK) break;
    }
    cli_json_set(d->cli, d->object, "data", sets);
    return status;
}

/* The runs folder, or where it would be made: the nearest folder above it that exists decides. */
static void runs(doctor *d) {
    const char *root = getenv("OVERPARAM_RUNS");
    char path[4096], text[4300];
    if (!root || !*root) root = "runs";
    snprintf(path, sizeof path, "%s", root);
    while (access(path, F_OK)) {
        char *slash = strrchr(path, '/');
        if (!slash)
            snprintf(path, sizeof path, ".");
        else if (slash == path)
            path[1] = '\0';
        else
            *slash = '\0';
        if (!strcmp(path, ".") || !strcmp(path, "/")) break;
    }
    const int writable = !access(path, W_OK | X_OK);
    snprintf(text, sizeof text, "%.4000s (%s)", root, writable ? "writable" : "not writable");
    line(d, "Run folders", text);
    cli_json_set(d->cli, d->object, "runs", json_string(root));
    cli_json_set(d->cli, d->object, "runs_writable", json_boolean(writable));
    if (writable) return;
    snprintf(text, sizeof text, "the runs folder %.3000s cannot be written; set OVERPARAM_RUNS to one that can", root);
    warn(d, text);
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    doctor d = {.cli = cli, .object = json_object(), .warnings = json_array()};
    ovp_status status;
    size_t i;
    json_t *warning;
    cli_grid_begin(&d.grid, cli, 2, 0);
    OVP_TRY(cli_parse(&args, cli, &cli_command_doctor, NULL, argc, argv));
    OVP_TRY(cli_expect_operands(cli, &args, 0, 0));
    cli_json_set(cli, d.object, "schema", json_integer(1));
    cli_json_set(cli, d.object, "version", json_string(OVP_VERSION));
    line(&d, "overparam", OVP_VERSION);
    processor(&d);
    blas(&d);
    memory(&d);
    gnuplot(&d);
    images(&d);
    convolutions(&d);
    OVP_TRY(data(&d));
    runs(&d);
    run_index(&d);
    if (cli_value(&args, "json")) {
        cli_json_set(cli, d.object, "warnings", json_incref(d.warnings));
        status = cli_put_json(cli, json_incref(d.object));
        goto done;
    }
    cli_grid_end(&d.grid, cli);
    json_array_foreach(d.warnings, i, warning) {
        ovp_text_add(&cli->out, "%s%swarning%s  ", i ? "" : "\n", cli_paint(cli, CLI_YELLOW),
                     cli_paint(cli, CLI_PLAIN));
        ovp_text_add(&cli->out, "%s\n", json_string_value(warning));
    }
    if (json_array_size(d.warnings) == 0) ovp_text_add(&cli->out, "\nAll is well.\n");
done:
    ovp_text_free(&d.grid.cells);
    json_decref(d.object);
    json_decref(d.warnings);
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "What this machine offers: processor, BLAS, memory, figures, data.",
    .options = options,
    .run = run,
};
