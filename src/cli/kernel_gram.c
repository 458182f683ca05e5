/* overparam kernel gram: the kernel matrix as a file. */
#include "cli_kernel.h"

typedef struct gram {
    cli_app *cli;
    ovp_params *job;
    cli_kernel kernel;
    ovp_numeric_array x, z, k; /* z: zeroed for z = x */
    const char *path;
} gram;

static ovp_status read_points(gram *g, const cli_args *args, ovp_numeric_type type) {
    const double divide = ovp_params_real(g->kernel.params, "divide");
    const char *x = args->operands[1], *z = args->operand_count > 2 ? args->operands[2] : NULL;
    ovp_status status;
    OVP_TRY(cli_kernel_read(&g->x, g->cli, x));
    OVP_TRY(cli_kernel_real(&g->x, g->cli, x, type, divide));
    if (!z) goto done;
    OVP_TRY(cli_kernel_read(&g->z, g->cli, z));
    OVP_TRY(cli_kernel_match(g->cli, x, &g->x, z, &g->z, 0));
    OVP_TRY(cli_kernel_real(&g->z, g->cli, z, type, divide));
done:
    return status;
}

static ovp_status put(gram *g, const cli_args *args) {
    cli_app *cli = g->cli;
    const ovp_idx rows = g->k.shape[0], columns = g->k.shape[1];
    const double error = g->kernel.function ? ovp_kernel_error(g->kernel.function) : 0;
    const char *type = ovp_numeric_type_name(g->k.type);
    if (cli_value(args, "json"))
        return cli_put_json(cli, json_pack("{s:i, s:s, s:I, s:I, s:s, s:o, s:o}", "schema", 1, "out", g->path, "rows",
                                           (json_int_t)rows, "columns", (json_int_t)columns, "type", type, "error",
                                           ovp_io_json_number(error), "kernel", cli_kernel_json(cli, &g->kernel)));
    ovp_text_add(&cli->out, "Kernel  ");
    cli_kernel_text(&cli->out, &g->kernel);
    ovp_text_add(&cli->out, "\nMatrix  %lld x %lld %s\n", (long long)rows, (long long)columns, type);
    if (error > 0) ovp_text_add(&cli->out, "Error   %.2g a layer at most, estimated\n", error);
    ovp_text_add(&cli->out, "File    %s\n", g->path);
    return OVP_OK;
}

ovp_status cli_kernel_gram_action(cli_app *cli, const cli_args *args) {
    gram g = {.cli = cli};
    ovp_status status;
    OVP_TRY(cli_kernel_out(&g.path, cli, args, "out"));
    if (args->operand_count < 2 || args->operand_count > 3 || !g.path) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "kernel gram: write overparam kernel gram X [Z] --out K.npy");
        goto done;
    }
    OVP_TRY(cli_kernel_choose(&g.kernel, cli, args));
    OVP_TRY(cli_kernel_job(&g.job, cli, args));
    OVP_TRY(cli_kernel_memory(&g.kernel.memory, cli, args));
    const ovp_numeric_type type = strcmp(ovp_params_text(g.job, "type"), "f32") ? OVP_F64 : OVP_F32;
    OVP_TRY(read_points(&g, args, type));
    const ovp_numeric_array *z = g.z.data ? &g.z : &g.x;
    const ovp_idx d = g.x.shape[1], shape[2] = {g.x.shape[0], z->shape[0]};
    OVP_TRY(cli_kernel_make(&g.kernel, cli, d, type));
    char what[80];
    snprintf(what, sizeof what, "a matrix of %lld x %lld (%s)", (long long)shape[0], (long long)shape[1],
             ovp_numeric_type_name(type));
    OVP_TRY(cli_kernel_fits(cli, what,
                            cli_kernel_bytes(shape[0], shape[1], type) +
                                cli_kernel_bytes(shape[0] + shape[1], d, type) +
                                cli_kernel_scratch(&g.kernel, shape[0] + shape[1], d),
                            g.kernel.memory, "give fewer points"));
    OVP_TRY(ovp_numeric_array_create(&g.k, cli->ctx, type, 2, shape));
    OVP_TRY(cli_kernel_gram(g.k.data, cli, &g.kernel, type, d, shape[0], g.x.data, shape[1], g.z.data));
    const ovp_io_named_array named = {.name = (char *)(uintptr_t) "k", .array = g.k};
    OVP_TRY(cli_kernel_write(cli, g.path, &named, 1));
    status = put(&g, args);
done:
    ovp_numeric_array_free(cli->ctx, &g.x);
    ovp_numeric_array_free(cli->ctx, &g.z);
    ovp_numeric_array_free(cli->ctx, &g.k);
    ovp_params_free(g.job);
    cli_kernel_free(cli, &g.kernel);
    return status;
}
