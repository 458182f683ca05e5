/* overparam kernel: which kernel, from flags or from a model's file, and calls of it. */
#include <math.h>
#include <stdlib.h>

#include "cli_kernel.h"

static const ovp_param rows[] = {
#define ROW(key, value, type, fallback, least, most, choices, kernels, help)                                           \
    {key, OVP_PARAM_##type, fallback, least, most, choices, "", help},
    CLI_KERNEL_KEYS(ROW)
#undef ROW
};
static const int owners[] = {
#define OWNERS(key, value, type, fallback, least, most, choices, kernels, help) kernels,
    CLI_KERNEL_KEYS(OWNERS)
#undef OWNERS
};
enum { ROWS = sizeof rows / sizeof *rows };

static const ovp_param job[] = {
#define JOB(key, value, type, fallback, least, most, choices, actions, help)                                           \
    {key, OVP_PARAM_##type, fallback, least, most, choices, "", help},
    CLI_KERNEL_JOB_KEYS(JOB)
#undef JOB
};
enum { JOBS = sizeof job / sizeof *job };

static const struct {
    const char *name;
    int bit;
} kernels[] = {{"laplace", CLI_OF_DISTANCE},       {"gaussian", CLI_OF_DISTANCE}, {"dispersal", CLI_OF_DISPERSAL},
               {"polynomial", CLI_OF_POLYNOMIAL},  {"nngp", CLI_OF_NNGP},         {"ntk", CLI_OF_NTK},
               {"empirical-ntk", CLI_OF_EMPIRICAL}};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static const char *name_of(const cli_kernel *kernel) {
    return ovp_params_text(kernel->params, "kernel");
}

int cli_kernel_is(const cli_kernel *kernel, const char *name) {
    return !strcmp(name_of(kernel), name);
}

static int bit_of(const cli_kernel *kernel) {
    for (int i = 0; i < KERNELS; i++)
        if (cli_kernel_is(kernel, kernels[i].name)) return kernels[i].bit;
    return 0;
}

/* ---- flags ------------------------------------------------------------------------------------------- */

/* A key of another kernel is a mistake: it would change nothing. */
static ovp_status check_owner(cli_app *cli, const cli_kernel *kernel, int row) {
    char list[160] = "";
    if (owners[row] & bit_of(kernel)) return OVP_OK;
    for (int i = 0; i < KERNELS; i++)
        if (owners[row] & kernels[i].bit) strcat(strcat(list, *list ? ", " : ""), kernels[i].name);
    return ovp_fail(cli->ctx, OVP_EUSAGE, "--%s: kernel %s does not heed it; it belongs to %s", rows[row].key,
                    name_of(kernel), list);
}

ovp_status cli_kernel_choose(cli_kernel *out, cli_app *cli, const cli_args *args) {
    ovp_status status;
    OVP_TRY(cli_args_params(&out->params, cli, args, rows, ROWS));
    for (int i = 0; i < ROWS; i++)
        if (ovp_params_is_set(out->params, rows[i].key)) OVP_TRY(check_owner(cli, out, i));
done:
    return status;
}

ovp_status cli_kernel_job(ovp_params **out, cli_app *cli, const cli_args *args) {
    return cli_args_params(out, cli, args, job, JOBS);
}

const char *cli_kernel_choices(const char *name) {
    for (int i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].key, name)) return rows[i].choices;
    for (int i = 0; i < JOBS; i++)
        if (!strcmp(job[i].key, name)) return job[i].choices;
    return NULL;
}

static ovp_status read_bytes(int64_t *bytes, cli_app *cli, const char *text) {
    static const char units[] = "KMGT";
    const size_t digits = strspn(text, "0123456789.");
    char number[32];
    double value = 0;
    snprintf(number, sizeof number, "%.*s", digits < sizeof number ? (int)digits : 0, text);
    const char *unit = text + digits, *found = *unit ? strchr(units, *unit) : NULL;
    int ok = ovp_parse_real(number, &value);
    if (found && (!unit[1] || !strcmp(unit + 1, "iB")))
        value = ldexp(value, 10 * (int)(found - units + 1));
    else
        ok = ok && (!*unit || !strcmp(unit, "B"));
    if (!ok || !(value >= 1 << 20 && value <= ldexp(1, 50)))
        return ovp_fail(cli->ctx, OVP_EUSAGE, "--memory: '%.40s' is no amount of 1MiB..1024TiB; write 500MiB or 4GiB",
                        text);
    *bytes = (int64_t)value;
    return OVP_OK;
}

ovp_status cli_kernel_memory(int64_t *bytes, cli_app *cli, const cli_args *args) {
    const char *text = cli_value(args, "memory");
    return read_bytes(bytes, cli, text ? text : "4GiB");
}

/* ---- as JSON and as text ----------------------------------------------------------------------------- */

static json_t *value_json(const ovp_params *params, const ovp_param *row) {
    switch (row->type) {
    case OVP_PARAM_INT:
        return json_integer(ovp_params_int(params, row->key));
    case OVP_PARAM_REAL:
        return ovp_io_json_number(ovp_params_real(params, row->key));
    case OVP_PARAM_BOOL:
        return json_boolean(ovp_params_bool(params, row->key));
    default:
        return json_string(ovp_params_text(params, row->key));
    }
}

json_t *cli_kernel_json(cli_app *cli, const cli_kernel *kernel) {
    json_t *out = json_object();
    for (int i = 0; i < ROWS; i++)
        if (owners[i] & bit_of(kernel)) cli_json_set(cli, out, rows[i].key, value_json(kernel->params, &rows[i]));
    return out;
}

void cli_kernel_text(ovp_text *out, const cli_kernel *kernel) {
    ovp_text_add(out, "%s", name_of(kernel));
    for (int i = 1; i < ROWS; i++) {
        const char *shown = ovp_params_show(kernel->params, rows[i].key);
        if (owners[i] & bit_of(kernel) && strcmp(shown, rows[i].value) != 0)
            ovp_text_add(out, ", %s %s", rows[i].key, shown);
    }
}

/* The text that ovp_params_set takes; "" for values of another kind, which no key takes. */
static void plain(char *out, size_t bytes, const json_t *value) {
    char number[32] = "";
    if (json_is_real(value)) ovp_format_real(number, json_real_value(value));
    if (json_is_integer(value)) snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value)) snprintf(number, sizeof number, json_is_true(value) ? "yes" : "no");
    const char *text = json_string_value(value);
    snprintf(out, bytes, "%s", text ? text : number);
}

ovp_status cli_kernel_parse(cli_kernel *out, cli_app *cli, const char *name, const json_t *object) {
    ovp_status status;
    const char *key;
    json_t *value;
    OVP_TRY(ovp_params_create(&out->params, cli->ctx, rows, ROWS));
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        char text[64];
        plain(text, sizeof text, value);
        OVP_TRY(ovp_params_set(out->params, key, text, name, OVP_EFORMAT));
    }
    for (int i = 0; i < ROWS; i++) {
        if (!(owners[i] & bit_of(out)) == !json_object_get(object, rows[i].key)) continue;
        status = ovp_fail(cli->ctx, OVP_EFORMAT, "%s: '%s' %s", name, rows[i].key,
                          owners[i] & bit_of(out) ? "is missing" : "does not belong to this kernel");
        goto done;
    }
done:
    return status;
}

/* ---- making ------------------------------------------------------------------------------------------ */

static ovp_status make_net(cli_kernel *k, cli_app *cli, ovp_idx d) {
    const ovp_params *p = k->params;
    const ovp_idx depth = ovp_params_int(p, "depth"), width = ovp_params_int(p, "width");
    const double count = (double)width * (double)(d + 1 + (depth - 1) * (width + 1));
    ovp_idx *widths = NULL;
    ovp_numeric_rng *rng = NULL;
    ovp_status status;
    OVP_TRY(cli_kernel_fits(cli, "the net of the empirical NTK", 16 * count, k->memory, "take a smaller --width"));
    OVP_TRY(ovp_alloc(cli->ctx, &widths, depth + 2, sizeof *widths));
    widths[0] = d;
    for (ovp_idx l = 1; l <= depth; l++) widths[l] = width;
    widths[depth + 1] = 1;
    const double sigma_b = ovp_params_real(p, "sigma-b");
    const ovp_net_dense_options options = {.size = sizeof options,
                                           .layers = depth + 1,
                                           .widths = widths,
                                           .activation = ovp_params_text(p, "activation"),
                                           .no_bias = !(sigma_b > 0), /* to the model 0 means 1 */
                                           .type = OVP_F64,
                                           .parametrization = "ntk",
                                           .sigma_w = ovp_params_real(p, "sigma-w"),
                                           .sigma_b = sigma_b};
    OVP_TRY(ovp_net_dense_create(&k->net, cli->ctx, &options));
    OVP_TRY(ovp_alloc(cli->ctx, &k->theta, ovp_net_model_parameters(k->net), sizeof(double)));
    OVP_TRY(ovp_numeric_rng_create(&rng, cli->ctx, OVP_RNG_PHILOX, ovp_params_int(p, "seed"), OVP_PURPOSE_INIT, 0));
    const ovp_net_init_options own = {.size = sizeof own};
    status = ovp_net_init(k->net, cli->ctx, &own, rng, k->theta);
done:
    ovp_numeric_rng_free(rng);
    ovp_free(cli->ctx, widths);
    return status;
}

static ovp_status make_function(ovp_kernel **out, cli_app *cli, const ovp_params *p, const char *name) {
    const int learns = !strcmp(name, "ntk");
    const ovp_kernel_options options = {.size = sizeof options,
                                        .name = name,
                                        .bandwidth = ovp_params_real(p, "bandwidth"),
                                        .gamma = ovp_params_real(p, "gamma"),
                                        .degree = (double)ovp_params_int(p, "degree"),
                                        .offset = ovp_params_real(p, "offset"),
                                        .scale = ovp_params_real(p, "scale"),
                                        .activation = ovp_params_text(p, "activation"),
                                        .depth = ovp_params_int(p, "depth"),
                                        .sigma_w = ovp_params_real(p, "sigma-w"),
                                        .sigma_b = ovp_params_real(p, "sigma-b"),
                                        .convention = ovp_params_text(p, "convention"),
                                        .bias = learns ? ovp_params_text(p, "bias") : NULL,
                                        .train = learns ? ovp_params_text(p, "train") : NULL,
                                        .tolerance = ovp_params_real(p, "tolerance"),
                                        .normalise = ovp_params_bool(p, "normalise")};
    return ovp_kernel_create(out, cli->ctx, &options);
}

/* A gain that was left to the library becomes a number: a model says what it is. */
static ovp_status settle_gain(cli_kernel *k) {
    char number[32];
    if (ovp_params_real(k->params, "sigma-w") > 0) return OVP_OK;
    ovp_format_real(number, k->net ? ovp_net_gain(ovp_params_text(k->params, "activation"))
                                   : ovp_kernel_get_options(k->function)->sigma_w);
    return ovp_params_set(k->params, "sigma-w", number, "the gain", OVP_EINTERNAL);
}

ovp_status cli_kernel_make(cli_kernel *k, cli_app *cli, ovp_idx d, ovp_numeric_type type) {
    ovp_status status;
    if (!cli_kernel_is(k, "empirical-ntk"))
        status = make_function(&k->function, cli, k->params, name_of(k));
    else if (type == OVP_F64)
        status = make_net(k, cli, d);
    else
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "--type f32: kernel empirical-ntk is computed in f64; leave it out");
    if (status == OVP_OK && bit_of(k) & CLI_OF_NETS) status = settle_gain(k);
    return status;
}

ovp_status cli_kernel_make_prior(cli_kernel *out, cli_app *cli, const cli_kernel *ntk) {
    out->memory = ntk->memory;
    return make_function(&out->function, cli, ntk->params, "nngp");
}

void cli_kernel_free(cli_app *cli, cli_kernel *kernel) {
    ovp_kernel_free(kernel->function);
    ovp_net_model_free(kernel->net);
    ovp_free(cli->ctx, kernel->theta);
    ovp_params_free(kernel->params);
    *kernel = (cli_kernel){0};
}

/* ---- calls ------------------------------------------------------------------------------------------- */

/* The options were good when the kernel was made: what is refused now is the data. */
static ovp_status of_data(ovp_status status) {
    return status == OVP_EINVAL ? OVP_EFORMAT : status;
}

static ovp_status net_gram(double *out, cli_app *cli, const cli_kernel *kernel, ovp_idx rows_, const void *x,
                           ovp_idx others, const void *z) {
    const ovp_kernel_ntk_options options = {.size = sizeof options, .memory = kernel->memory / 4};
    return of_data(ovp_kernel_ntk(out, cli->ctx, kernel->net, kernel->theta, rows_, x, others, z, &options));
}

ovp_status cli_kernel_gram(void *out, cli_app *cli, const cli_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                           ovp_idx rows_, const void *x, ovp_idx others, const void *z) {
    if (kernel->net) return net_gram(out, cli, kernel, rows_, x, others, z);
    return of_data(ovp_kernel_gram(out, cli->ctx, kernel->function, type, d, rows_, x, others, z));
}

/* The net's kernel panel by panel. */
static ovp_status net_apply(double *out, cli_app *cli, const cli_kernel *kernel, ovp_idx d, ovp_idx rows_,
                            const double *x, ovp_idx others, const double *z, ovp_idx c, const double *w) {
    ovp_idx block = kernel->memory / 4 / (others * (ovp_idx)sizeof *out);
    double *panel = NULL;
    ovp_status status;
    if (block < 1) block = 1;
    if (block > rows_) block = rows_;
    OVP_TRY(ovp_alloc(cli->ctx, &panel, block * others, sizeof *panel));
    for (ovp_idx at = 0; at < rows_; at += block) {
        const ovp_idx now = rows_ - at < block ? rows_ - at : block;
        OVP_TRY(net_gram(panel, cli, kernel, now, x + at * d, others, z));
        const int blas = ovp_numeric_blas_begin();
        ovp_numeric_gemm(OVP_F64, 0, 0, now, c, others, 1, panel, others, w, c, 0, out + at * c, c);
        ovp_numeric_blas_end(blas);
    }
done:
    ovp_free(cli->ctx, panel);
    return status;
}

ovp_status cli_kernel_apply(void *out, cli_app *cli, const cli_kernel *kernel, ovp_numeric_type type, ovp_idx d,
                            ovp_idx rows_, const void *x, ovp_idx others, const void *z, ovp_idx c, const void *w) {
    if (kernel->net) return net_apply(out, cli, kernel, d, rows_, x, others, z, c, w);
    return of_data(
        ovp_kernel_apply(out, cli->ctx, kernel->function, type, d, rows_, x, others, z, c, w, kernel->memory / 4));
}

/* ---- amounts and shapes ------------------------------------------------------------------------------ */

#define ANNOUNCED 268435456.0 /* bytes */

double cli_kernel_bytes(ovp_idx rows_, ovp_idx columns, ovp_numeric_type type) {
    return (double)rows_ * (double)columns * (double)ovp_numeric_type_size(type);
}

double cli_kernel_scratch(const cli_kernel *kernel, ovp_idx rows_, ovp_idx d) {
    const double layers = (double)rows_ * ((double)ovp_params_int(kernel->params, "depth") + 1);
    const double copies = kernel->function ? cli_kernel_bytes(rows_, d, OVP_F64) : 0;
    if (!(bit_of(kernel) & CLI_OF_LIMITS)) return copies;
    return copies + layers * (ovp_kernel_error(kernel->function) > 0 ? 32 + 16384 : 32); /* kernel.h: ovp_kernel_gram */
}

ovp_status cli_kernel_fits(cli_app *cli, const char *what, double needed, int64_t allowed, const char *advice) {
    char takes[32], limit[32], line[160];
    cli_bytes_text(takes, sizeof takes, needed);
    cli_bytes_text(limit, sizeof limit, (double)allowed);
    if (needed > (double)allowed)
        return ovp_fail(cli->ctx, OVP_ELIMIT, "%s takes about %s of memory, and --memory allows %s; raise it or %s",
                        what, takes, limit, advice);
    snprintf(line, sizeof line, "%.80s: about %s of memory", what, takes);
    if (needed >= ANNOUNCED && !cli->silent) cli_complain("overparam: ", line);
    return OVP_OK;
}

ovp_status cli_kernel_match(cli_app *cli, const char *a_name, const ovp_numeric_array *a, const char *b_name,
                            const ovp_numeric_array *b, int rows_) {
    const int axis = rows_ ? 0 : 1;
    if (a->shape[axis] == b->shape[axis]) return OVP_OK;
    return ovp_fail(cli->ctx, OVP_ESHAPE,
                    "%.200s is %lld x %lld and %.200s is %lld x %lld; equal numbers of %s expected", a_name,
                    (long long)a->shape[0], (long long)a->shape[1], b_name, (long long)b->shape[0],
                    (long long)b->shape[1], rows_ ? "rows" : "columns");
}
