/* The file of a kernel fit: what is loaded is the same after saving and loading again. Bytes that begin with "PK" are
 * the file itself; of others the first says how the arrays are (below), and the rest is the text `meta`, since a fuzzer
 * does not guess check sums. */
#include "command.h"

#include "arrays.h"
#include "cli/cli_kernel.h"

enum {
    X_F32 = 1,
    COEFFICIENTS_F32 = 2,
    Y_WHOLE = 4,
    TWO_OUTPUTS = 8,
    CLASSES = 16,
    CLASSES_FALL = 32,
    NOT_FINITE = 64,
    ONE_MORE = 128
};

static ovp_numeric_array matrix(int whole, int f32, ovp_idx columns, double first) {
    ovp_numeric_array a;
    const ovp_idx shape[2] = {2, columns};
    fuzz_must(ovp_numeric_array_create(&a, fuzz_ctx(),
                                       whole ? OVP_I32
                                       : f32 ? OVP_F32
                                             : OVP_F64,
                                       2, shape),
              "a matrix");
    if (!whole && f32) ((float *)a.data)[0] = (float)first;
    if (!whole && !f32) ((double *)a.data)[0] = first;
    return a;
}

static const char *build(const uint8_t *meta, size_t size, int flags) {
    static char path[300];
    static const int64_t rising[] = {3, 7}, falling[] = {7, 3};
    const ovp_idx c = flags & TWO_OUTPUTS ? 2 : 1;
    ovp_numeric_array x = matrix(0, flags & X_F32, 3, flags & NOT_FINITE ? (double)NAN : 1);
    ovp_numeric_array w = matrix(0, flags & COEFFICIENTS_F32, c, 2), y = matrix(flags & Y_WHOLE, 0, c, 3);
    const ovp_numeric_array text = {
        .type = OVP_U8, .ndim = 1, .shape = {(ovp_idx)size}, .data = (void *)(uintptr_t)meta};
    const ovp_numeric_array classes = {
        .type = OVP_I64, .ndim = 1, .shape = {c}, .data = (void *)(uintptr_t)(flags & CLASSES_FALL ? falling : rising)};
    char names[5][16] = {"meta", "x", "coefficients", "y", "classes"};
    ovp_io_named_array arrays[] = {{names[0], text}, {names[1], x}, {names[2], w}, {names[3], y}, {names[4], classes}};
    if (flags & ONE_MORE) snprintf(names[4], sizeof names[4], "more");
    snprintf(path, sizeof path, "%s/made.npz", fuzz_folder());
    fuzz_must(ovp_io_npz_write(fuzz_ctx(), path, arrays, flags & (CLASSES | ONE_MORE) ? 5 : 4), "no file");
    ovp_numeric_array_free(fuzz_ctx(), &x);
    ovp_numeric_array_free(fuzz_ctx(), &w);
    ovp_numeric_array_free(fuzz_ctx(), &y);
    return path;
}

static void read_back(cli_app *cli, const cli_kernel_model *model) {
    cli_kernel_model again = {.lambda = 0};
    ovp_text a = {.ctx = cli->ctx}, b = {.ctx = cli->ctx};
    char path[300];
    snprintf(path, sizeof path, "%s/again.npz", fuzz_folder());
    fuzz_must(cli_kernel_model_save(cli, path, model), "what was read cannot be written");
    fuzz_must(cli_kernel_model_load(&again, cli, path), "what was written is not read");
    fuzz_same_array(&model->x, &again.x);
    fuzz_same_array(&model->coefficients, &again.coefficients);
    fuzz_same_array(&model->y, &again.y);
    if (model->classes.data) fuzz_same_array(&model->classes, &again.classes);
    cli_kernel_text(&a, &model->kernel);
    cli_kernel_text(&b, &again.kernel);
    fuzz_require(!strcmp(a.data, b.data), "'%s' became '%s'", a.data, b.data);
    fuzz_require(!strcmp(model->solver, again.solver) && !(model->lambda < again.lambda) &&
                     !(model->lambda > again.lambda),
                 "%s %g became %s %g", model->solver, model->lambda, again.solver, again.lambda);
    ovp_text_free(&a);
    ovp_text_free(&b);
    cli_kernel_model_free(cli, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cli_app cli = {.ctx = fuzz_ctx(), .width = 100, .silent = 1};
    cli_kernel_model model = {.lambda = 0};
    if (size < 1) return 0;
    const int raw = size >= 2 && !memcmp(data, "PK", 2);
    const char *path = raw ? fuzz_file(data, size) : build(data + 1, size - 1, data[0]);
    if (fuzz_ok(cli_kernel_model_load(&model, &cli, path))) read_back(&cli, &model);
    cli_kernel_model_free(&cli, &model);
    return fuzz_end();
}
