/* overparam data show of synthetic sets: parameters, shapes, a sample, and one-dimensional ones drawn. */
#include <math.h>

#include "cli_data.h"

#define PLOT_COLUMNS 64
#define PLOT_ROWS 16

static double value(const ovp_numeric_array *a, ovp_idx i) {
    return a->type == OVP_F32 ? (double)((const float *)a->data)[i] : ((const double *)a->data)[i];
}

/* Whether the list "a, b, c" holds a name. */
static int heeds(const ovp_data_synthetic_info *info, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = info->knobs; at; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (strcspn(at, ",") == length && !strncmp(at, name, length)) return 1;
    }
    return 0;
}

/* Which knobs of the options a set heeds, with their values. */
static void put_knobs(cli_grid *grid, const ovp_data_synthetic_info *info, const ovp_data_synthetic_options *o) {
    const struct knob {
        const char *name;
        double value;
    } knobs[] = {{"low", o->low},    {"high", o->high},           {"bias_scale", o->bias_scale},
                 {"c", o->c},        {"depth", (double)o->depth}, {"width", (double)o->width},
                 {"sigma", o->sigma}};
    if (heeds(info, "inputs")) {
        cli_grid_cell(grid, "inputs");
        cli_grid_cell(grid, o->inputs == OVP_INPUTS_GAUSSIAN ? "gaussian" : "uniform");
    }
    for (size_t k = 0; k < sizeof knobs / sizeof knobs[0]; k++) {
        char number[32];
        if (!heeds(info, knobs[k].name) || (k < 2 && o->inputs == OVP_INPUTS_GAUSSIAN)) continue;
        ovp_format_real(number, knobs[k].value);
        cli_grid_cell(grid, "%s", strcmp(knobs[k].name, "bias_scale") ? knobs[k].name : "bias-scale");
        cli_grid_cell(grid, "%s", number);
    }
    if (heeds(info, "published")) {
        cli_grid_cell(grid, "variant");
        cli_grid_cell(grid, o->published ? "published" : "plain");
    }
    if (o->activation && heeds(info, "activation")) {
        cli_grid_cell(grid, "activation");
        cli_grid_cell(grid, "%s", o->activation);
    }
}

static void put_facts(cli_app *cli, const ovp_data_synthetic_set *set, const ovp_data_synthetic_options *o) {
    char number[32];
    cli_grid grid;
    cli_grid_begin(&grid, cli, 2, 0);
    cli_grid_cell(&grid, "Training");
    cli_grid_cell(&grid, "%lld x %lld, targets %lld x %lld", (long long)set->x.shape[0], (long long)set->features,
                  (long long)set->y.shape[0], (long long)set->outputs);
    if (set->x_test.data) {
        cli_grid_cell(&grid, "Test");
        cli_grid_cell(&grid, "%lld x %lld, targets %lld x %lld", (long long)set->x_test.shape[0],
                      (long long)set->features, (long long)set->y_test.shape[0], (long long)set->outputs);
    }
    ovp_format_real(number, set->noise);
    cli_grid_cell(&grid, "noise");
    cli_grid_cell(&grid, "%s", number);
    put_knobs(&grid, set->info, o);
    cli_grid_end(&grid, cli);
}

static void put_sample(cli_app *cli, const ovp_data_synthetic_set *set, ovp_idx sample) {
    const struct side {
        const char *name;
        const ovp_numeric_array *from;
        ovp_idx width;
    } sides[] = {{"inputs", &set->x, set->features},
                 {"targets", &set->y, set->outputs},
                 {"without noise", &set->y_clean, set->outputs}};
    ovp_text_add(&cli->out, "\nTraining sample %lld\n", (long long)sample);
    for (int k = 0; k < 3; k++) {
        ovp_text_add(&cli->out, "  %s:", sides[k].name);
        for (ovp_idx j = 0; j < sides[k].width && j < 12; j++) {
            char number[32];
            ovp_format_real32(number, (float)value(sides[k].from, sample * sides[k].width + j));
            ovp_text_add(&cli->out, " %s", number);
        }
        ovp_text_add(&cli->out, "%s\n", sides[k].width > 12 ? " ..." : "");
    }
}

static void extent(const ovp_numeric_array *a, ovp_idx step, double *low, double *high) {
    *low = *high = value(a, 0);
    for (ovp_idx i = 0; i < a->shape[0]; i++) {
        *low = fmin(*low, value(a, i * step));
        *high = fmax(*high, value(a, i * step));
    }
}

static int cell_of(double v, double low, double high, int cells) {
    int at = high > low ? (int)((v - low) / (high - low) * cells) : cells / 2;
    return at < 0 ? 0 : at >= cells ? cells - 1 : at;
}

/* The first target without noise at the middle of every column, for the curve behind the points. */
static ovp_status curve(double at[PLOT_COLUMNS], cli_app *cli, const ovp_data_synthetic_set *set, const double x[2]) {
    ovp_numeric_array inputs = {0}, targets = {0};
    ovp_status status = OVP_OK;
    OVP_TRY(ovp_numeric_array_create(&inputs, cli->ctx, set->type, 2, (const ovp_idx[]){PLOT_COLUMNS, 1}));
    OVP_TRY(ovp_numeric_array_create(&targets, cli->ctx, set->type, 2, (const ovp_idx[]){PLOT_COLUMNS, set->outputs}));
    for (int c = 0; c < PLOT_COLUMNS; c++) {
        double v = x[0] + (x[1] - x[0]) * (c + .5) / PLOT_COLUMNS;
        if (set->type == OVP_F32)
            ((float *)inputs.data)[c] = (float)v;
        else
            ((double *)inputs.data)[c] = v;
    }
    OVP_TRY(ovp_data_synthetic_values(set, cli->ctx, PLOT_COLUMNS, inputs.data, targets.data));
    for (int c = 0; c < PLOT_COLUMNS; c++) at[c] = value(&targets, c * set->outputs);
done:
    ovp_numeric_array_free(cli->ctx, &inputs);
    ovp_numeric_array_free(cli->ctx, &targets);
    return status;
}

/* First target against the only input: samples '*' over the curve '.'. */
static ovp_status plot(cli_app *cli, const ovp_data_synthetic_set *set) {
    char grid[PLOT_ROWS][PLOT_COLUMNS + 1];
    double x[2], y[2], clean[PLOT_COLUMNS];
    extent(&set->x, 1, &x[0], &x[1]);
    extent(&set->y, set->outputs, &y[0], &y[1]);
    ovp_status status = curve(clean, cli, set, x);
    if (status != OVP_OK) return status;
    for (int c = 0; c < PLOT_COLUMNS; c++) y[0] = fmin(y[0], clean[c]), y[1] = fmax(y[1], clean[c]);
    for (int r = 0; r < PLOT_ROWS; r++) {
        memset(grid[r], ' ', PLOT_COLUMNS);
        grid[r][PLOT_COLUMNS] = '\0';
    }
    for (int c = 0; c < PLOT_COLUMNS; c++) grid[PLOT_ROWS - 1 - cell_of(clean[c], y[0], y[1], PLOT_ROWS)][c] = '.';
    for (ovp_idx i = 0; i < set->x.shape[0]; i++) {
        int r = cell_of(value(&set->y, i * set->outputs), y[0], y[1], PLOT_ROWS);
        grid[PLOT_ROWS - 1 - r][cell_of(value(&set->x, i), x[0], x[1], PLOT_COLUMNS)] = '*';
    }
    ovp_text_add(&cli->out, "\ny %.4g..%.4g against x %.4g..%.4g: samples *, without noise .\n", y[0], y[1], x[0],
                 x[1]);
    for (int r = 0; r < PLOT_ROWS; r++) ovp_text_add(&cli->out, "  |%s\n", grid[r]);
    ovp_text_add(&cli->out, "  +%.*s\n", PLOT_COLUMNS,
                 "----------------------------------------------------------------");
    return OVP_OK;
}

static json_t *values_json(const ovp_numeric_array *a, ovp_idx width, ovp_idx sample) {
    json_t *out = json_array();
    for (ovp_idx j = 0; j < width; j++)
        if (json_array_append_new(out, ovp_io_json_number(value(a, sample * width + j)))) break;
    return out;
}

json_t *cli_data_synthetic_json(const ovp_data_synthetic_info *info) {
    return json_pack("{s:s, s:s, s:s}", "name", info->name, "title", info->title, "options", info->knobs);
}

static json_t *shown_json(cli_app *cli, const ovp_data_synthetic_set *set, ovp_idx sample) {
    json_t *out = cli_data_synthetic_json(set->info);
    cli_json_set(cli, out, "schema", json_integer(1));
    cli_json_set(cli, out, "train", json_integer(set->x.shape[0]));
    cli_json_set(cli, out, "test", json_integer(set->x_test.data ? set->x_test.shape[0] : 0));
    cli_json_set(cli, out, "features", json_integer(set->features));
    cli_json_set(cli, out, "outputs", json_integer(set->outputs));
    cli_json_set(cli, out, "noise", ovp_io_json_number(set->noise));
    cli_json_set(cli, out, "sample", json_integer(sample));
    cli_json_set(cli, out, "x", values_json(&set->x, set->features, sample));
    cli_json_set(cli, out, "y", values_json(&set->y, set->outputs, sample));
    cli_json_set(cli, out, "y_clean", values_json(&set->y_clean, set->outputs, sample));
    return out;
}

/* What has no meaning for drawn samples is refused rather than passed over. */
static ovp_status check_options(cli_app *cli, const cli_args *args) {
#define KEY(key, value, help) key,
    static const char *const foreign[] = {OVP_DATA_PACK_KEYS(KEY) OVP_DATA_KEYS(KEY) "scale"};
#undef KEY
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (cli_value(args, foreign[i]))
            return ovp_fail(
                cli->ctx, OVP_EUSAGE,
                "--%s: not for synthetic sets; those take --limit, --test-limit, --seed, --rng, --sample and the "
                "options marked so in overparam data --help",
                foreign[i]);
    return OVP_OK;
}

ovp_status cli_data_show_synthetic(cli_app *cli, const cli_args *args, ovp_idx sample) {
    cli_data_choice choice = {0};
    ovp_data_synthetic_set set = {0};
    const char *name = args->operands[1];
    ovp_status status;
    OVP_TRY(check_options(cli, args));
    OVP_TRY(cli_data_choose(&choice, cli, args, name));
    OVP_TRY(ovp_data_synthetic(&set, cli->ctx, name, &choice.choice.synthetic));
    if (sample >= set.x.shape[0]) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--sample: %lld is outside 0..%lld", (long long)sample,
                          (long long)set.x.shape[0] - 1);
        goto done;
    }
    if (cli_value(args, "json")) {
        status = cli_put_json(cli, shown_json(cli, &set, sample));
        goto done;
    }
    ovp_text_add(&cli->out, "%s%s%s - %s\n\n", cli_paint(cli, CLI_BOLD), name, cli_paint(cli, CLI_PLAIN),
                 set.info->title);
    put_facts(cli, &set, &choice.choice.synthetic);
    put_sample(cli, &set, sample);
    if (set.features == 1) OVP_TRY(plot(cli, &set));
done:
    ovp_data_synthetic_free(cli->ctx, &set);
    cli_data_choice_free(cli, &choice);
    return status;
}
