/* overparam kernel: the file of a fit, an npz with the arrays x, coefficients, y, classes and, as JSON text in bytes,
 * meta: {"format": .., "version": 1, "program": .., "solver": .., "lambda": .., "kernel": {..}}. */
#include <math.h>

#include "cli_kernel.h"

#define FORMAT "overparam kernel model"
#define VERSION 1
#define SOLVERS "|direct|eigenpro|cg|"

void cli_kernel_model_free(cli_app *cli, cli_kernel_model *model) {
    cli_kernel_free(cli, &model->kernel);
    ovp_numeric_array_free(cli->ctx, &model->x);
    ovp_numeric_array_free(cli->ctx, &model->coefficients);
    ovp_numeric_array_free(cli->ctx, &model->y);
    ovp_numeric_array_free(cli->ctx, &model->classes);
}

ovp_status cli_kernel_model_save(cli_app *cli, const char *path, const cli_kernel_model *model) {
    static const char *const names[] = {"meta", "x", "coefficients", "y", "classes"};
    ovp_io_named_array arrays[5] = {{.name = NULL}};
    ovp_text text = {.ctx = cli->ctx};
    json_t *meta = json_pack("{s:s, s:i, s:s, s:s, s:o, s:o}", "format", FORMAT, "version", VERSION, "program",
                             OVP_VERSION, "solver", model->solver, "lambda", ovp_io_json_number(model->lambda),
                             "kernel", cli_kernel_json(cli, &model->kernel));
    ovp_status status = meta ? OVP_OK : ovp_fail(cli->ctx, OVP_ENOMEM, "out of memory while saving the model");
    if (status != OVP_OK) goto done;
    ovp_io_json_dump(&text, meta, 0);
    OVP_TRY(ovp_text_status(&text));
    const ovp_numeric_array contents[] = {
        {.type = OVP_U8, .ndim = 1, .shape = {(ovp_idx)text.length}, .data = text.data},
        model->x,
        model->coefficients,
        model->y,
        model->classes,
    };
    const ovp_idx count = model->classes.data ? 5 : 4;
    for (ovp_idx i = 0; i < count; i++)
        arrays[i] = (ovp_io_named_array){.name = (char *)(uintptr_t)names[i], .array = contents[i]};
    status = ovp_io_npz_write(cli->ctx, path, arrays, count);
done:
    json_decref(meta);
    ovp_text_free(&text);
    return status;
}

/* ---- loading ----------------------------------------------------------------------------------------- */

typedef struct loading {
    cli_app *cli;
    const char *path;
    ovp_io_named_array *arrays;
    ovp_idx count, taken;
} loading;

/* Moves the member out of the list; the list keeps what stays. */
static int take(ovp_numeric_array *out, loading *l, const char *name) {
    for (ovp_idx i = 0; i < l->count; i++) {
        if (strcmp(l->arrays[i].name, name) != 0) continue;
        *out = l->arrays[i].array;
        l->arrays[i].array = (ovp_numeric_array){0};
        l->taken++;
        return 1;
    }
    return 0;
}

static ovp_status refuse(const loading *l, const char *name, const char *what) {
    return ovp_fail(l->cli->ctx, OVP_EFORMAT, "%.200s: array '%s' %s; it is no model of overparam kernel fit", l->path,
                    name, what);
}

static ovp_status take_numbers(ovp_numeric_array *out, loading *l, const char *name, int f32_too) {
    if (!take(out, l, name)) return refuse(l, name, "is missing");
    if (out->type != OVP_F64 && !(f32_too && out->type == OVP_F32)) return refuse(l, name, "is of a wrong type");
    if (out->ndim != 2 || ovp_numeric_array_count(out) == 0) return refuse(l, name, "is no matrix, or an empty one");
    for (ovp_idx i = 0; i < ovp_numeric_array_count(out); i++)
        if (!isfinite(out->type == OVP_F32 ? (double)((float *)out->data)[i] : ((double *)out->data)[i])) {
            char what[96];
            snprintf(what, sizeof what, "is not finite at entry [%lld, %lld] (row and column from 0)",
                     (long long)(i / out->shape[1]), (long long)(i % out->shape[1]));
            return refuse(l, name, what);
        }
    return OVP_OK;
}

static ovp_status read_meta(cli_kernel_model *out, loading *l, const json_t *meta) {
    char where[260];
    ovp_ctx *ctx = l->cli->ctx;
    const json_t *version = json_object_get(meta, "version"), *kernel = json_object_get(meta, "kernel"),
                 *lambda = json_object_get(meta, "lambda");
    const char *solver = cli_json_text(meta, "solver");
    char quoted[24];
    snprintf(where, sizeof where, "%.200s: meta", l->path);
    if (strcmp(cli_json_text(meta, "format"), FORMAT) != 0) return refuse(l, "meta", "is of another format");
    if (!json_is_integer(version) || json_integer_value(version) != VERSION)
        return ovp_fail(ctx, OVP_EFORMAT, "%s: version %lld; this program reads version %d", where,
                        (long long)json_integer_value(version), VERSION);
    snprintf(quoted, sizeof quoted, "|%.16s|", solver);
    if (!*solver || strchr(solver, '|') || !strstr(SOLVERS, quoted)) return refuse(l, "meta", "names no known solver");
    snprintf(out->solver, sizeof out->solver, "%s", solver);
    out->lambda = json_is_number(lambda) ? json_number_value(lambda) : -1;
    if (!(out->lambda >= 0)) return refuse(l, "meta", "has no lambda of 0 or more");
    if (!json_is_object(kernel)) return refuse(l, "meta", "has no kernel");
    return cli_kernel_parse(&out->kernel, l->cli, where, kernel);
}

static ovp_status take_meta(cli_kernel_model *out, loading *l) {
    ovp_numeric_array text = {0};
    json_t *meta = NULL;
    ovp_status status;
    if (!take(&text, l, "meta")) return refuse(l, "meta", "is missing");
    if (text.type != OVP_U8 || text.ndim != 1) {
        status = refuse(l, "meta", "is of a wrong type");
        goto done;
    }
    OVP_TRY(ovp_io_json_parse(&meta, l->cli->ctx, l->path, text.data, (size_t)ovp_numeric_array_count(&text)));
    status = json_is_object(meta) ? read_meta(out, l, meta) : refuse(l, "meta", "is no JSON object");
done:
    json_decref(meta);
    ovp_numeric_array_free(l->cli->ctx, &text);
    return status;
}

/* Absent in a model of real targets. */
static ovp_status take_classes(cli_kernel_model *out, loading *l) {
    if (!take(&out->classes, l, "classes")) return OVP_OK;
    if (out->classes.type != OVP_I64 || out->classes.ndim != 1) return refuse(l, "classes", "is of a wrong type");
    for (ovp_idx i = 1; i < out->classes.shape[0]; i++)
        if (((int64_t *)out->classes.data)[i - 1] >= ((int64_t *)out->classes.data)[i])
            return refuse(l, "classes", "is not rising");
    return OVP_OK;
}

static ovp_status check_shapes(const cli_kernel_model *m, const loading *l) {
    const ovp_idx n = m->x.shape[0], c = m->coefficients.shape[1];
    if (m->coefficients.type != m->x.type) return refuse(l, "coefficients", "is of another type than 'x'");
    if (m->coefficients.shape[0] != n || m->y.shape[0] != n || m->y.shape[1] != c ||
        (m->classes.data && m->classes.shape[0] != c))
        return ovp_fail(
            l->cli->ctx, OVP_ESHAPE,
            "%.200s: x is %lld x %lld, coefficients %lld x %lld, y %lld x %lld, classes %lld; n x d, n x c, "
            "n x c and c (0: none) expected",
            l->path, (long long)n, (long long)m->x.shape[1], (long long)m->coefficients.shape[0], (long long)c,
            (long long)m->y.shape[0], (long long)m->y.shape[1], (long long)(m->classes.data ? m->classes.shape[0] : 0));
    if (l->taken != l->count)
        return ovp_fail(l->cli->ctx, OVP_EFORMAT, "%.200s: %lld arrays that no model has", l->path,
                        (long long)(l->count - l->taken));
    return OVP_OK;
}

ovp_status cli_kernel_model_load(cli_kernel_model *out, cli_app *cli, const char *path) {
    loading l = {.cli = cli, .path = path};
    ovp_status status;
    OVP_TRY(ovp_io_npz_read(&l.arrays, &l.count, cli->ctx, path));
    OVP_TRY(take_meta(out, &l));
    OVP_TRY(take_numbers(&out->x, &l, "x", 1));
    OVP_TRY(take_numbers(&out->coefficients, &l, "coefficients", 1));
    OVP_TRY(take_numbers(&out->y, &l, "y", 0));
    OVP_TRY(take_classes(out, &l));
    status = check_shapes(out, &l);
done:
    ovp_io_npz_free(cli->ctx, l.arrays, l.count);
    return status;
}
