/* overparam pvar: the p-variation of a path in a file. */
#include <math.h>

#include <overparam/measure.h>

#include "cli_pvar.h"
#include "cli_theory.h"

static const cli_option options[] = {
    {"p", "LIST", "Exponents, 1..1000 (default 2): 1,1.5,2 or lin:1:3:5."},
    {"norm", "NAME", "Distance between points: l2 (default), l1 or linf."},
    {"column", "LIST", "Coordinates to take: headings of a csv file, else numbers from 0 (default: all)."},
    {"array", "NAME", "Which array of an npz file (needed where it holds several)."},
    {"partition", "FILE", "Write the indices (from 0) of a maximising partition as an npy file; with one exponent."},
    {"json", NULL, "One JSON object."},
    {0},
};

static const ovp_param rows[] = {
    {"p", OVP_PARAM_REAL_LIST, "2", 1, 1000, NULL, "", "Exponents."},
    {"norm", OVP_PARAM_CHOICE, "l2", 0, 0, "l2|l1|linf", "", "Distance."}, /* in the order of ovp_measure_norm */
};

typedef struct result {
    double value;
    ovp_idx parts;
} result;

typedef struct job {
    cli_path path;
    ovp_measure_norm norm;
    const char *norm_name;
    const double *p;
    ovp_idx count;
    ovp_idx *partitions; /* count x points */
    result *results;
} job;

/* Exponents are computed side by side while the path's values times their number are no more than this: each takes
 * memory of its own. */
#define SIDE_BY_SIDE ((ovp_idx)1 << 25)

static ovp_status compute_one(ovp_ctx *worker, void *arg, ovp_idx task) {
    const job *j = arg;
    result *r = &j->results[task];
    return ovp_measure_p_variation(&r->value, worker, j->path.points, j->path.dimension, j->path.values.data, j->norm,
                                   j->p[task], j->partitions + task * j->path.points, &r->parts);
}

static ovp_status compute(cli_app *cli, job *j) {
    ovp_status status;
    OVP_TRY(ovp_alloc(cli->ctx, &j->results, j->count, sizeof *j->results));
    OVP_TRY(ovp_alloc(cli->ctx, &j->partitions, j->count * j->path.points, sizeof *j->partitions));
    if (j->path.points * j->path.dimension <= SIDE_BY_SIDE / j->count)
        return ovp_parallel(cli->ctx, j->count, compute_one, j);
    for (ovp_idx i = 0; i < j->count; i++) OVP_TRY(compute_one(cli->ctx, j, i));
done:
    return status;
}

static ovp_status write_partition(cli_app *cli, const job *j, const char *file) {
    const ovp_numeric_array indices = {
        .type = OVP_I64, .ndim = 1, .shape = {j->results[0].parts}, .data = j->partitions};
    return ovp_io_npy_write(cli->ctx, file, &indices);
}

static ovp_status put_json(cli_app *cli, const job *j, const char *file) {
    json_t *list = json_array();
    for (ovp_idx i = 0; i < j->count; i++) {
        json_t *row = json_object();
        cli_json_set(cli, row, "p", ovp_io_json_number(j->p[i]));
        cli_json_set(cli, row, "variation", ovp_io_json_number(j->results[i].value));
        cli_json_set(cli, row, "root", ovp_io_json_number(pow(j->results[i].value, 1 / j->p[i])));
        cli_json_set(cli, row, "partition_points", json_integer(j->results[i].parts));
        cli_json_append(cli, list, row);
    }
    return cli_put_json(cli, json_pack("{s:i, s:s, s:I, s:I, s:s, s:o}", "schema", 1, "file", file, "points",
                                       (json_int_t)j->path.points, "dimension", (json_int_t)j->path.dimension, "norm",
                                       j->norm_name, "results", list));
}

static void put_table(cli_app *cli, const job *j, const char *file) {
    static const char *const titles[] = {"p", "V_p", "V_p^(1/p)", "points of the partition"};
    cli_grid grid;
    ovp_text_add(&cli->out, "%s: %lld point%s in R^%lld, %s\n\n", file, (long long)j->path.points,
                 j->path.points == 1 ? "" : "s", (long long)j->path.dimension, j->norm_name);
    cli_grid_begin(&grid, cli, 4, 0);
    for (int i = 0; i < 4; i++) {
        grid.right[i] = 1;
        cli_grid_cell(&grid, "%s", titles[i]);
    }
    for (ovp_idx i = 0; i < j->count; i++) {
        cli_grid_cell(&grid, "%.6g", j->p[i]);
        cli_grid_cell(&grid, "%.12g", j->results[i].value);
        cli_grid_cell(&grid, "%.12g", pow(j->results[i].value, 1 / j->p[i]));
        cli_grid_cell(&grid, "%lld", (long long)j->results[i].parts);
    }
    cli_grid_end(&grid, cli);
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    job j = {0};
    ovp_params *params = NULL;
    ovp_status status;
    OVP_TRY(cli_parse(&args, cli, &cli_command_pvar, NULL, argc, argv));
    OVP_TRY(cli_expect_operands(cli, &args, 1, 1));
    OVP_TRY(cli_args_params(&params, cli, &args, rows, sizeof rows / sizeof *rows));
    const char *file = args.operands[0], *partition = cli_value(&args, "partition");
    j.p = ovp_params_reals(params, "p", &j.count);
    j.norm_name = ovp_params_text(params, "norm");
    j.norm = !strcmp(j.norm_name, "l2") ? OVP_NORM_L2 : !strcmp(j.norm_name, "l1") ? OVP_NORM_L1 : OVP_NORM_LINF;
    if (partition && j.count > 1) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--partition: is of one exponent; --p names %lld", (long long)j.count);
        goto done;
    }
    OVP_TRY(cli_path_read(&j.path, cli, file, cli_value(&args, "array"), cli_value(&args, "column")));
    OVP_TRY(compute(cli, &j));
    if (partition) OVP_TRY(write_partition(cli, &j, partition));
    if (cli_value(&args, "json"))
        status = put_json(cli, &j, file);
    else
        put_table(cli, &j, file);
done:
    ovp_numeric_array_free(cli->ctx, &j.path.values);
    ovp_free(cli->ctx, j.results);
    ovp_free(cli->ctx, j.partitions);
    ovp_params_free(params);
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_pvar = {
    .name = "pvar",
    .operands = "FILE",
    .summary = "p-variation of a path in a npy, npz or csv file, exact.",
    .about =
        "V_p is the largest sum of |x_j - x_i|^p over the steps of a partition of the path x_0, x_1, .., over all "
        "partitions; p = 1 gives the path's length. FILE.npy or an array of FILE.npz: n numbers, or n x d (further "
        "axes "
        "are taken as coordinates too); any other name is read as csv, a point a line; a first line that is not "
        "all numbers names the columns.\nOn the real line time grows linearly with the number of points whatever the "
        "path, in R^d nearly so "
        "on rough paths; methods and memory: docs/p-variation.md.",
    .examples = "overparam pvar path.npy --p 3\n"
                "overparam pvar prices.csv --column open,close --p 1,1.5,2 --json\n"
                "overparam pvar arrays.npz --array x --norm linf --partition best.npy",
    .options = options,
    .run = run,
};
