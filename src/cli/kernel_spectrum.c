/* overparam kernel spectrum: eigenvalues of the kernel matrix, and how they decay. */
#include <overparam/measure.h>

#include "cli_kernel.h"

typedef struct decay {
    ovp_idx first, last; /* ranks fitted, from 1 */
    ovp_measure_power_law power, exponential;
    double per_rank; /* rate of the exponential */
} decay;

/* Straight lines through log eigenvalue against log rank and against rank, over the last nine tenths of the ranks
 * told, where eigenvalues are above rounding. Fewer than three of them: nothing is fitted. */
static ovp_status fit_decay(decay *out, ovp_ctx *ctx, ovp_idx n, ovp_idx count, const double *values) {
    ovp_idx kept = 0;
    double *axis = NULL;
    ovp_status status = OVP_OK;
    *out = (decay){.power = {NAN, NAN, NAN, 0}, .exponential = {NAN, NAN, NAN, 0}, .per_rank = NAN};
    while (kept < count && values[kept] > 0x1p-52 * (double)n * values[0]) kept++;
    out->first = kept / 10 + 1;
    out->last = kept;
    if (kept - out->first < 2) return OVP_OK;
    OVP_TRY(ovp_alloc(ctx, &axis, kept, sizeof *axis));
    const double *fitted = values + out->first - 1;
    const ovp_idx points = kept - out->first + 1;
    for (ovp_idx i = 0; i < points; i++) axis[i] = (double)(out->first + i);
    OVP_TRY(ovp_measure_fit_power_law(&out->power, ctx, points, axis, fitted));
    /* log of exp(rank / kept) is rank / kept, which cannot overflow */
    for (ovp_idx i = 0; i < points; i++) axis[i] = exp((double)(out->first + i) / (double)kept);
    OVP_TRY(ovp_measure_fit_power_law(&out->exponential, ctx, points, axis, fitted));
    out->per_rank = -out->exponential.exponent / (double)kept;
done:
    ovp_free(ctx, axis);
    return status;
}

typedef struct spectrum {
    cli_app *cli;
    ovp_params *job;
    cli_kernel kernel;
    ovp_numeric_array x;
    ovp_idx n, count;
    double *k, *values; /* values: n, falling */
    double trace;
    decay fit;
    const char *path;
} spectrum;

static ovp_status solve(spectrum *s) {
    cli_app *cli = s->cli;
    ovp_status status;
    OVP_TRY(ovp_alloc(cli->ctx, &s->k, s->n * s->n, sizeof *s->k));
    OVP_TRY(ovp_alloc(cli->ctx, &s->values, s->n, sizeof *s->values));
    OVP_TRY(cli_kernel_gram(s->k, cli, &s->kernel, OVP_F64, s->x.shape[1], s->n, s->x.data, 0, NULL));
    for (ovp_idx i = 0; i < s->n; i++) s->trace += s->k[i * s->n + i];
    OVP_TRY(ovp_numeric_eigh(s->values, NULL, cli->ctx, s->n, s->k));
    for (ovp_idx i = 0; i < s->n / 2; i++) {
        const double lower = s->values[i];
        s->values[i] = s->values[s->n - 1 - i];
        s->values[s->n - 1 - i] = lower;
    }
    status = fit_decay(&s->fit, cli->ctx, s->n, s->count, s->values);
done:
    return status;
}

static ovp_status put_json(spectrum *s) {
    cli_app *cli = s->cli;
    json_t *list = json_array(), *out;
    for (ovp_idx i = 0; i < s->count; i++) cli_json_append(cli, list, ovp_io_json_number(s->values[i]));
    out = json_pack("{s:i, s:I, s:o, s:o, s:f, s:f, s:I, s:I, s:o, s:o, s:o, s:o}", "schema", 1, "points",
                    (json_int_t)s->n, "kernel", cli_kernel_json(cli, &s->kernel), "eigenvalues", list, "trace",
                    s->trace, "smallest", s->values[s->n - 1], "fit_first", (json_int_t)s->fit.first, "fit_last",
                    (json_int_t)s->fit.last, "power", ovp_io_json_number(-s->fit.power.exponent), "power_r2",
                    ovp_io_json_number(s->fit.power.r2), "exponential", ovp_io_json_number(s->fit.per_rank),
                    "exponential_r2", ovp_io_json_number(s->fit.exponential.r2));
    cli_json_set(cli, out, "out", s->path ? json_string(s->path) : json_null());
    return cli_put_json(cli, out);
}

static void put_text(spectrum *s) {
    cli_app *cli = s->cli;
    cli_grid grid;
    double sum = 0;
    ovp_text_add(&cli->out, "Kernel  ");
    cli_kernel_text(&cli->out, &s->kernel);
    ovp_text_add(&cli->out, "\nPoints  %lld; trace %.6g, smallest eigenvalue %.3g\n\n", (long long)s->n, s->trace,
                 s->values[s->n - 1]);
    cli_grid_begin(&grid, cli, 3, 0);
    for (int k = 0; k < 3; k++) grid.right[k] = 1;
    cli_grid_cell(&grid, "rank");
    cli_grid_cell(&grid, "eigenvalue");
    cli_grid_cell(&grid, "of the trace, so far");
    for (ovp_idx i = 0; i < s->count; i++) {
        sum += s->values[i];
        cli_grid_cell(&grid, "%lld", (long long)(i + 1));
        cli_grid_cell(&grid, "%.6g", s->values[i]);
        cli_grid_cell(&grid, "%.4f", sum / s->trace);
    }
    cli_grid_end(&grid, cli);
    if (isnan(s->fit.power.exponent))
        ovp_text_add(&cli->out, "\nToo few eigenvalues above rounding to fit a decay; give a larger --count.\n");
    else
        ovp_text_add(&cli->out, "\nRanks %lld..%lld fall as rank^-%.3f (R^2 %.4f), or as exp(-%.4g rank) (R^2 %.4f).\n",
                     (long long)s->fit.first, (long long)s->fit.last, -s->fit.power.exponent, s->fit.power.r2,
                     s->fit.per_rank, s->fit.exponential.r2);
    if (s->path) ovp_text_add(&cli->out, "File    %s\n", s->path);
}

ovp_status cli_kernel_spectrum(cli_app *cli, const cli_args *args) {
    spectrum s = {.cli = cli};
    ovp_status status;
    OVP_TRY(cli_kernel_out(&s.path, cli, args, "out"));
    if (args->operand_count != 2) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "kernel spectrum: write overparam kernel spectrum X");
        goto done;
    }
    OVP_TRY(cli_kernel_choose(&s.kernel, cli, args));
    OVP_TRY(cli_kernel_job(&s.job, cli, args));
    OVP_TRY(cli_kernel_memory(&s.kernel.memory, cli, args));
    OVP_TRY(cli_kernel_read(&s.x, cli, args->operands[1]));
    OVP_TRY(cli_kernel_real(&s.x, cli, args->operands[1], OVP_F64, ovp_params_real(s.kernel.params, "divide")));
    s.n = s.x.shape[0];
    s.count = ovp_params_int(s.job, "count") < s.n ? ovp_params_int(s.job, "count") : s.n;
    OVP_TRY(cli_kernel_make(&s.kernel, cli, s.x.shape[1], OVP_F64));
    /* K and LAPACK's copy of it */
    OVP_TRY(cli_kernel_fits(cli, "a spectrum of so many points",
                            2 * cli_kernel_bytes(s.n, s.n, OVP_F64) + cli_kernel_bytes(s.n, s.x.shape[1], OVP_F64) +
                                cli_kernel_scratch(&s.kernel, 2 * s.n, s.x.shape[1]),
                            s.kernel.memory, "give fewer points"));
    OVP_TRY(solve(&s));
    if (s.path) {
        const ovp_io_named_array named = {.name = (char *)(uintptr_t) "eigenvalues",
                                          .array = {.type = OVP_F64, .ndim = 1, .shape = {s.count}, .data = s.values}};
        OVP_TRY(cli_kernel_write(cli, s.path, &named, 1));
    }
    if (cli_value(args, "json"))
        status = put_json(&s);
    else
        put_text(&s);
done:
    ovp_free(cli->ctx, s.k);
    ovp_free(cli->ctx, s.values);
    ovp_numeric_array_free(cli->ctx, &s.x);
    ovp_params_free(s.job);
    cli_kernel_free(cli, &s.kernel);
    return status;
}
