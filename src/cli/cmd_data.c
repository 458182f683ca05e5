/* overparam data list|show|verify */
#include <math.h>

#include "cli_int.h"

#define DRAWING_WIDTH 64

static const cli_action actions[] = {
    {"list", "", "The data sets: found where, or how to get them."},
    {"show", "NAME", "Shapes, samples a class, density, and a drawing of one sample."},
    {"verify", "[NAME]...", "Check the files against their SHA-256 and structure (all sets found, without NAME)."},
    {0},
};

static const cli_option options[] = {
    {"sample", "N", "show: which training sample is drawn, from 0 (default 0)."},
    {"json", NULL, "One JSON object."},
    {0},
};

/* Folder of a set (ovp_free), or NULL with the advice how to get it in `advice`. Other errors are returned. */
static ovp_status locate(char **folder, char *advice, size_t bytes, cli_app *cli, const char *name) {
    ovp_status status = ovp_data_locate(folder, cli->ctx, name);
    advice[0] = '\0';
    if (status != OVP_ENOTFOUND) return status;
    *folder = NULL;
    snprintf(advice, bytes, "%s", ovp_message(cli->ctx));
    ovp_clear(cli->ctx);
    return OVP_OK;
}

static ovp_status find(const ovp_data_info **out, cli_app *cli, const char *name) {
    const ovp_data_info *info;
    cli_nearest near = {.typed = name};
    *out = ovp_data_find(name);
    if (*out) return OVP_OK;
    for (ovp_idx i = 0; (info = ovp_data_at(i)); i++) cli_offer(&near, info->name);
    if (near.best)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "unknown data set '%.40s'; did you mean '%s'?", name, near.best);
    return ovp_fail(cli->ctx, OVP_EUSAGE, "unknown data set '%.40s'; see: overparam data list", name);
}

static json_t *info_json(const ovp_data_info *info) {
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", info->name, "title", info->title, "shape", info->shape,
                     "licence", info->licence, "source", info->source);
}

static ovp_status list(cli_app *cli, const cli_args *args) {
    ovp_status status = OVP_OK;
    const ovp_data_info *info;
    json_t *sets = json_array();
    cli_grid grid;
    cli_grid_begin(&grid, cli, 3, 0);
    for (ovp_idx i = 0; (info = ovp_data_at(i)); i++) {
        char *folder = NULL, advice[512];
        OVP_TRY(locate(&folder, advice, sizeof advice, cli, info->name));
        json_t *one = info_json(info);
        cli_json_set(cli, one, "found", json_boolean(folder != NULL));
        cli_json_set(cli, one, "folder", folder ? json_string(folder) : json_null());
        cli_json_set(cli, one, "advice", folder ? json_null() : json_string(advice));
        cli_json_append(cli, sets, one);
        cli_grid_cell(&grid, "%s%s%s", cli_paint(cli, CLI_BOLD), info->name, cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "%s%s%s", cli_paint(cli, folder ? CLI_GREEN : CLI_YELLOW), folder ? "found" : "missing",
                      cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "%s\n%s\n%s", info->title, info->shape, folder ? folder : advice);
        ovp_free(cli->ctx, folder);
    }
    if (cli_value(args, "json"))
        status = cli_put_json(cli, json_pack("{s:i, s:O}", "schema", 1, "data", sets));
    else
        cli_grid_end(&grid, cli);
done:
    json_decref(sets);
    ovp_text_free(&grid.cells);
    return status;
}

/* ---- show ---------------------------------------------------------------------------------------- */

static void draw(cli_app *cli, const ovp_data_set *set, ovp_idx sample) {
    static const char shades[] = " .:-=+*#%@";
    const float *x = (const float *)set->x_train.data + sample * set->features;
    const ovp_idx rows = set->image_rows, cols = set->image_cols, planes = set->features / (rows * cols);
    ovp_idx step = (cols + DRAWING_WIDTH - 1) / DRAWING_WIDTH;
    float most = 0;
    for (ovp_idx i = 0; i < set->features; i++) most = fmaxf(most, x[i]);
    /* A character is about twice as high as wide: one stands for a box of step columns and 2 step rows. */
    for (ovp_idx r = 0; r < rows; r += 2 * step) {
        ovp_text_add(&cli->out, "  ");
        for (ovp_idx c = 0; c < cols; c += step) {
            double sum = 0;
            ovp_idx count = 0;
            for (ovp_idx p = 0; p < planes; p++)
                for (ovp_idx i = r; i < rows && i < r + 2 * step; i++)
                    for (ovp_idx j = c; j < cols && j < c + step; j++, count++)
                        sum += (double)x[(p * rows + i) * cols + j];
            double level = most > 0 ? sum / (double)count / (double)most : 0;
            int shade = (int)(level * 9.999);
            ovp_text_add(&cli->out, "%c", shades[shade < 0 ? 0 : shade > 9 ? 9 : shade]);
        }
        ovp_text_add(&cli->out, "\n");
    }
}

static void count_classes(const ovp_numeric_array *labels, ovp_idx classes, ovp_idx *counts) {
    const int32_t *y = labels->data;
    for (ovp_idx i = 0; i < ovp_numeric_array_count(labels); i++)
        if (y[i] >= 0 && y[i] < classes) counts[y[i]]++;
}

static double density(const ovp_numeric_array *x) {
    const float *v = x->data;
    ovp_idx n = ovp_numeric_array_count(x), nonzero = 0;
    for (ovp_idx i = 0; i < n; i++) nonzero += v[i] != 0.0f;
    return n ? (double)nonzero / (double)n : 0;
}

/* Label of a sample, -1 where the set has none of whole numbers. */
static int64_t label_of(const ovp_data_set *set, ovp_idx sample) {
    return set->y_train.type == OVP_I32 ? ((const int32_t *)set->y_train.data)[sample] : -1;
}

static json_t *shown_json(cli_app *cli, const ovp_data_info *info, const ovp_data_set *set, const ovp_idx *counts) {
    json_t *out = info_json(info), *train = json_array(), *test = json_array();
    for (ovp_idx k = 0; k < set->classes; k++) {
        cli_json_append(cli, train, json_integer(counts[k]));
        cli_json_append(cli, test, json_integer(counts[set->classes + k]));
    }
    cli_json_set(cli, out, "schema", json_integer(1));
    cli_json_set(cli, out, "folder", json_string(set->source ? set->source : ""));
    cli_json_set(cli, out, "train", json_integer(set->x_train.shape[0]));
    cli_json_set(cli, out, "test", json_integer(set->x_test.shape[0]));
    cli_json_set(cli, out, "features", json_integer(set->features));
    cli_json_set(cli, out, "image_rows", json_integer(set->image_rows));
    cli_json_set(cli, out, "image_cols", json_integer(set->image_cols));
    cli_json_set(cli, out, "classes", json_integer(set->classes));
    cli_json_set(cli, out, "train_per_class", train);
    cli_json_set(cli, out, "test_per_class", test);
    cli_json_set(cli, out, "density", ovp_io_json_number(density(&set->x_train)));
    return out;
}

static void put_shown(cli_app *cli, const ovp_data_info *info, const ovp_data_set *set, const ovp_idx *counts,
                      ovp_idx sample) {
    cli_grid grid;
    ovp_text_add(&cli->out, "%s%s%s - %s\n\n", cli_paint(cli, CLI_BOLD), info->name, cli_paint(cli, CLI_PLAIN),
                 info->title);
    cli_grid_begin(&grid, cli, 2, 0);
    cli_grid_cell(&grid, "Folder");
    cli_grid_cell(&grid, "%s", set->source ? set->source : "");
    cli_grid_cell(&grid, "Licence");
    cli_grid_cell(&grid, "%s", info->licence);
    cli_grid_cell(&grid, "Training");
    cli_grid_cell(&grid, "%lld x %lld, labels %lld", (long long)set->x_train.shape[0], (long long)set->features,
                  (long long)set->y_train.shape[0]);
    cli_grid_cell(&grid, "Test");
    cli_grid_cell(&grid, "%lld x %lld, labels %lld", (long long)set->x_test.shape[0], (long long)set->features,
                  (long long)set->y_test.shape[0]);
    if (set->image_rows) {
        cli_grid_cell(&grid, "Images");
        cli_grid_cell(&grid, "%lld x %lld, raw values", (long long)set->image_rows, (long long)set->image_cols);
    }
    cli_grid_cell(&grid, "Density");
    cli_grid_cell(&grid, "%.1f %% of the training values are not 0", 100 * density(&set->x_train));
    cli_grid_end(&grid, cli);
    ovp_text_add(&cli->out, "\n");
    cli_grid_begin(&grid, cli, 3, 0);
    grid.right[0] = grid.right[1] = grid.right[2] = 1;
    cli_grid_cell(&grid, "class");
    cli_grid_cell(&grid, "training");
    cli_grid_cell(&grid, "test");
    for (ovp_idx k = 0; k < set->classes; k++) {
        cli_grid_cell(&grid, "%lld", (long long)k);
        cli_grid_cell(&grid, "%lld", (long long)counts[k]);
        cli_grid_cell(&grid, "%lld", (long long)counts[set->classes + k]);
    }
    cli_grid_end(&grid, cli);
    if (set->image_rows <= 0 || set->image_cols <= 0) return;
    ovp_text_add(&cli->out, "\nTraining sample %lld, label %lld\n", (long long)sample,
                 (long long)label_of(set, sample));
    draw(cli, set, sample);
}

static ovp_status show(cli_app *cli, const cli_args *args) {
    ovp_data_options load = {.size = sizeof load, .scale = OVP_SCALE_RAW, .type = OVP_F32};
    ovp_data_set set = {0};
    ovp_idx *counts = NULL;
    int64_t sample = 0;
    const ovp_data_info *info;
    const char *wanted = cli_value(args, "sample");
    ovp_status status;
    if (args->operand_count != 2)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "data show: give one NAME; see: overparam data list");
    OVP_TRY(find(&info, cli, args->operands[1]));
    if (wanted && (!ovp_parse_int(wanted, &sample) || sample < 0)) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--sample: '%.40s' is not the number of a sample (0, 1, ...)", wanted);
        goto done;
    }
    OVP_TRY(ovp_data_load(&set, cli->ctx, info->name, &load));
    if (sample >= set.x_train.shape[0]) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--sample: %lld is outside 0..%lld", (long long)sample,
                          (long long)set.x_train.shape[0] - 1);
        goto done;
    }
    OVP_TRY(ovp_alloc(cli->ctx, &counts, 2 * set.classes, sizeof *counts));
    if (set.y_train.type == OVP_I32) count_classes(&set.y_train, set.classes, counts);
    if (set.y_test.type == OVP_I32) count_classes(&set.y_test, set.classes, counts + set.classes);
    if (cli_value(args, "json"))
        status = cli_put_json(cli, shown_json(cli, info, &set, counts));
    else
        put_shown(cli, info, &set, counts, sample);
done:
    ovp_free(cli->ctx, counts);
    ovp_data_free(cli->ctx, &set);
    return status;
}

/* ---- verify -------------------------------------------------------------------------------------- */

static ovp_status verify_one(cli_app *cli, const char *name, ovp_text *report, json_t *sets) {
    ovp_text lines = {.ctx = cli->ctx};
    ovp_status status = ovp_data_verify(cli->ctx, name, &lines);
    if (status == OVP_OK) status = ovp_text_status(&lines);
    if (status == OVP_OK) {
        ovp_text_add(report, "%s\n%s", name, lines.data ? lines.data : "");
        if (lines.length && lines.data[lines.length - 1] != '\n') ovp_text_add(report, "\n");
        cli_json_append(cli, sets,
                        json_pack("{s:s, s:b, s:s}", "name", name, "ok", 1, "report", lines.data ? lines.data : ""));
    }
    ovp_text_free(&lines);
    return status;
}

static ovp_status verify(cli_app *cli, const cli_args *args) {
    ovp_text report = {.ctx = cli->ctx};
    json_t *sets = json_array();
    ovp_status status = OVP_OK;
    const ovp_data_info *info;
    for (int i = 1; i < args->operand_count; i++) {
        OVP_TRY(find(&info, cli, args->operands[i]));
        OVP_TRY(verify_one(cli, info->name, &report, sets));
    }
    for (ovp_idx i = 0; args->operand_count < 2 && (info = ovp_data_at(i)); i++) {
        char *folder = NULL, advice[512];
        OVP_TRY(locate(&folder, advice, sizeof advice, cli, info->name));
        ovp_free(cli->ctx, folder);
        if (folder) OVP_TRY(verify_one(cli, info->name, &report, sets));
    }
    if (json_array_size(sets) == 0) {
        status = ovp_fail(cli->ctx, OVP_ENOTFOUND, "data verify: no data set was found; see: overparam data list");
        goto done;
    }
    if (cli_value(args, "json")) {
        status = cli_put_json(cli, json_pack("{s:i, s:O}", "schema", 1, "data", sets));
        goto done;
    }
    OVP_TRY(ovp_text_status(&report));
    ovp_text_add(&cli->out, "%s", report.data);
done:
    json_decref(sets);
    ovp_text_free(&report);
    return status;
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    const cli_action *action;
    ovp_status status;
    OVP_TRY(cli_parse(&args, cli, &cli_command_data, NULL, argc, argv));
    OVP_TRY(cli_find_action(&action, cli, &args, "list"));
    if (!strcmp(action->name, "list")) {
        OVP_TRY(cli_expect_operands(cli, &args, 0, 1));
        status = list(cli, &args);
    } else {
        status = !strcmp(action->name, "show") ? show(cli, &args) : verify(cli, &args);
    }
done:
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_data = {
    .name = "data",
    .operands = "[list|show|verify]",
    .summary = "The data sets: list, show, verify.",
    .about = "Data is looked for in $OVERPARAM_DATA, the XDG data folder, the install prefix and the source tree. "
             "Nothing is downloaded.",
    .examples = "overparam data list\noverparam data show mnist --sample 7\noverparam data verify mnist",
    .actions = actions,
    .options = options,
    .run = run,
};
