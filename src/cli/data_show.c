/* overparam data show */
#include <math.h>

#include "cli_data.h"

#define DRAWING_WIDTH 64
#define SHOWN_VALUES 12
#define SHOWN_CLASSES 100

static void draw(cli_app *cli, const ovp_data_set *set, ovp_idx sample) {
    static const char shades[] = " .:-=+*#%@";
    const float *x = (const float *)set->x_train.data + sample * set->features;
    const ovp_idx rows = set->image_rows, cols = set->image_cols, planes = set->image_channels;
    ovp_idx step = (cols + DRAWING_WIDTH - 1) / DRAWING_WIDTH;
    float least = 0, most = 0; /* normalised images have values below 0 */
    for (ovp_idx i = 0; i < set->features; i++) least = fminf(least, x[i]), most = fmaxf(most, x[i]);
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
            double level = most > least ? (sum / (double)count - (double)least) / (double)(most - least) : 0;
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

static ovp_idx samples_in(const ovp_numeric_array *x) {
    return x->data ? x->shape[0] : 0;
}

/* File names need not be UTF-8, JSON must be. */
static json_t *text_json(const char *text) {
    json_t *out = json_string(text);
    return out ? out : json_string("(not UTF-8)");
}

static json_t *shown_json(cli_app *cli, const ovp_data_info *info, const ovp_data_set *set, const ovp_idx *counts) {
    json_t *out = cli_data_info_json(info), *train = json_array(), *test = json_array(), *names = json_array();
    for (ovp_idx k = 0; k < set->classes; k++) {
        cli_json_append(cli, train, json_integer(counts[k]));
        cli_json_append(cli, test, json_integer(counts[set->classes + k]));
        if (set->class_names) cli_json_append(cli, names, text_json(set->class_names[k]));
    }
    cli_json_set(cli, out, "schema", json_integer(1));
    cli_json_set(cli, out, "folder", text_json(set->source ? set->source : ""));
    cli_json_set(cli, out, "train", json_integer(samples_in(&set->x_train)));
    cli_json_set(cli, out, "test", json_integer(samples_in(&set->x_test)));
    cli_json_set(cli, out, "features", json_integer(set->features));
    cli_json_set(cli, out, "image_rows", json_integer(set->image_rows));
    cli_json_set(cli, out, "image_cols", json_integer(set->image_cols));
    cli_json_set(cli, out, "image_channels", json_integer(set->image_channels));
    cli_json_set(cli, out, "validation", json_integer(samples_in(&set->x_validation)));
    cli_json_set(cli, out, "classes", json_integer(set->classes));
    cli_json_set(cli, out, "class_names", names);
    cli_json_set(cli, out, "train_per_class", train);
    cli_json_set(cli, out, "test_per_class", test);
    cli_json_set(cli, out, "density", ovp_io_json_number(density(&set->x_train)));
    return out;
}

static void put_part(cli_grid *grid, const char *title, const ovp_data_set *set, const ovp_numeric_array *x,
                     const ovp_numeric_array *y) {
    if (!x->data) return;
    cli_grid_cell(grid, "%s", title);
    if (!y->data)
        cli_grid_cell(grid, "%lld x %lld, no labels", (long long)x->shape[0], (long long)set->features);
    else if (y->type == OVP_I32)
        cli_grid_cell(grid, "%lld x %lld, labels %lld", (long long)x->shape[0], (long long)set->features,
                      (long long)y->shape[0]);
    else
        cli_grid_cell(grid, "%lld x %lld, targets %lld x %lld", (long long)x->shape[0], (long long)set->features,
                      (long long)y->shape[0], (long long)y->shape[1]);
}

static void put_facts(cli_app *cli, const ovp_data_info *info, const ovp_data_set *set, const cli_args *args) {
    ovp_text chosen = {.ctx = cli->ctx};
    cli_grid grid;
    cli_grid_begin(&grid, cli, 2, 0);
    cli_grid_cell(&grid, info->licence[0] ? "Folder" : "Path");
    cli_grid_cell(&grid, "%s", set->source ? set->source : "");
    if (info->licence[0]) {
        cli_grid_cell(&grid, "Licence");
        cli_grid_cell(&grid, "%s", info->licence);
    }
    put_part(&grid, "Training", set, &set->x_train, &set->y_train);
    put_part(&grid, "Validation", set, &set->x_validation, &set->y_validation);
    put_part(&grid, "Test", set, &set->x_test, &set->y_test);
    if (set->image_rows) {
        cli_grid_cell(&grid, "Images");
        cli_grid_cell(&grid, "%lld x %lld%s", (long long)set->image_rows, (long long)set->image_cols,
                      set->image_channels == 3 ? ", RGB" : "");
    }
    cli_grid_cell(&grid, "Density");
    cli_grid_cell(&grid, "%.1f %% of the training values are not 0", 100 * density(&set->x_train));
    cli_data_chosen_text(&chosen, args);
    if (chosen.length) {
        cli_grid_cell(&grid, "Options");
        cli_grid_cell(&grid, "%s", chosen.data);
    }
    cli_grid_end(&grid, cli);
    ovp_text_free(&chosen);
}

static void put_classes(cli_app *cli, const ovp_data_set *set, const ovp_idx *counts) {
    const ovp_idx shown = set->classes < SHOWN_CLASSES ? set->classes : SHOWN_CLASSES;
    cli_grid grid;
    if (!set->classes) return;
    ovp_text_add(&cli->out, "\n");
    cli_grid_begin(&grid, cli, set->class_names ? 4 : 3, 0);
    grid.right[0] = grid.right[1] = grid.right[2] = 1;
    cli_grid_cell(&grid, "class");
    cli_grid_cell(&grid, "training");
    cli_grid_cell(&grid, "test");
    if (set->class_names) cli_grid_cell(&grid, "name");
    for (ovp_idx k = 0; k < shown; k++) {
        cli_grid_cell(&grid, "%lld", (long long)k);
        cli_grid_cell(&grid, "%lld", (long long)counts[k]);
        cli_grid_cell(&grid, "%lld", (long long)counts[set->classes + k]);
        if (set->class_names) cli_grid_cell(&grid, "%s", set->class_names[k]);
    }
    cli_grid_end(&grid, cli);
    if (shown < set->classes) ovp_text_add(&cli->out, "and %lld classes more\n", (long long)(set->classes - shown));
}

static void put_values(cli_app *cli, const char *title, const ovp_numeric_array *from, ovp_idx sample) {
    const ovp_idx width = ovp_numeric_array_count(from) / from->shape[0];
    const ovp_idx shown = width < SHOWN_VALUES ? width : SHOWN_VALUES;
    ovp_text_add(&cli->out, "  %s:", title);
    for (ovp_idx j = 0; j < shown; j++) {
        char number[32];
        ovp_format_real32(number, ((const float *)from->data)[sample * width + j]);
        ovp_text_add(&cli->out, " %s", number);
    }
    ovp_text_add(&cli->out, "%s\n", shown < width ? " ..." : "");
}

static void put_sample(cli_app *cli, const ovp_data_set *set, ovp_idx sample) {
    ovp_text_add(&cli->out, "\nTraining sample %lld", (long long)sample);
    if (set->y_train.data && set->y_train.type == OVP_I32)
        ovp_text_add(&cli->out, ", label %lld", (long long)label_of(set, sample));
    ovp_text_add(&cli->out, "\n");
    if (set->image_rows > 0 && set->image_cols > 0)
        draw(cli, set, sample);
    else
        put_values(cli, "inputs", &set->x_train, sample);
    if (set->y_train.data && set->y_train.type == OVP_F32) put_values(cli, "targets", &set->y_train, sample);
}

ovp_status cli_data_show(cli_app *cli, const cli_args *args) {
    cli_data_choice choice = {0};
    ovp_data_set set = {0};
    ovp_idx *counts = NULL;
    int64_t sample = 0;
    const ovp_data_info *info;
    const char *wanted = cli_value(args, "sample");
    ovp_status status;
    if (args->operand_count != 2)
        return ovp_fail(cli->ctx, OVP_EUSAGE, "data show: give one NAME; see: overparam data list");
    if (wanted && (!ovp_parse_int(wanted, &sample) || sample < 0)) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--sample: '%.40s' is not the number of a sample (0, 1, ...)", wanted);
        goto done;
    }
    if (ovp_data_synthetic_find(args->operands[1])) {
        status = cli_data_show_synthetic(cli, args, sample);
        goto done;
    }
    OVP_TRY(cli_data_find(&info, cli, args->operands[1]));
    OVP_TRY(cli_data_choose(&choice, cli, args, args->operands[1]));
    OVP_TRY(ovp_data_load(&set, cli->ctx, args->operands[1], &choice.choice.options));
    if (sample >= set.x_train.shape[0]) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--sample: %lld is outside 0..%lld", (long long)sample,
                          (long long)set.x_train.shape[0] - 1);
        goto done;
    }
    OVP_TRY(ovp_alloc(cli->ctx, &counts, 2 * set.classes, sizeof *counts));
    if (set.classes) count_classes(&set.y_train, set.classes, counts);
    if (set.classes && set.y_test.data) count_classes(&set.y_test, set.classes, counts + set.classes);
    if (cli_value(args, "json")) {
        status = cli_put_json(cli, shown_json(cli, info, &set, counts));
        goto done;
    }
    ovp_text_add(&cli->out, "%s%s%s - %s\n\n", cli_paint(cli, CLI_BOLD), args->operands[1], cli_paint(cli, CLI_PLAIN),
                 info->title);
    put_facts(cli, info, &set, args);
    put_classes(cli, &set, counts);
    put_sample(cli, &set, sample);
done:
    ovp_free(cli->ctx, counts);
    ovp_data_free(cli->ctx, &set);
    cli_data_choice_free(cli, &choice);
    return status;
}
