/* Random ReLU features of MNIST, with biases, and the kernel of infinitely many. */
#include "double_descent_features_int.h"
#include "princeton_int.h"

#include <string.h>

enum { ROWS = 64 }; /* of a task */

typedef struct images_lab {
    features_lab *lab;
    princeton_images images;
    ovp_kernel *limit, *inner;       /* 2 E relu relu; <x, z> */
    double *kernel;                  /* n x n: the limit's matrix */
    features_images_error *of_limit; /* one a ridge */
    double *y;                       /* n x classes: targets with noise */
} images_lab;

/* ---- products by all threads ---------------------------------------------------------------------- */

/* phi(x) = scale relu(V x + b), V k x d. */
typedef struct feature_map {
    ovp_idx k, d;
    const double *v, *b;
    double scale;
} feature_map;

typedef struct job {
    const feature_map *map;
    ovp_idx rows, c;
    const double *x, *a; /* rows x d; k x c */
    double *out;         /* turned: k x rows; plain: rows x k; with a: rows x c */
    double *scratch;     /* a worker: ROWS x k */
    int turned;
} job;

static double rectified(const feature_map *m, double z, ovp_idx j) {
    return m->scale * fmax(z + m->b[j], 0);
}

static ovp_status plain_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const job *w = arg;
    const feature_map *m = w->map;
    const ovp_idx first = task * ROWS, rows = w->rows - first < ROWS ? w->rows - first : ROWS;
    double *z = w->a ? w->scratch + (ovp_idx)ovp_worker(ctx) * ROWS * m->k : w->out + first * m->k;
    ovp_numeric_gemm(OVP_F64, 0, 1, rows, m->k, m->d, 1, w->x + first * m->d, m->d, m->v, m->d, 0, z, m->k);
    for (ovp_idx i = 0; i < rows; i++)
        for (ovp_idx j = 0; j < m->k; j++) z[i * m->k + j] = rectified(m, z[i * m->k + j], j);
    if (w->a) ovp_numeric_gemm(OVP_F64, 0, 0, rows, w->c, m->k, 1, z, m->k, w->a, w->c, 0, w->out + first * w->c, w->c);
    return OVP_OK;
}

static ovp_status turned_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const job *w = arg;
    const feature_map *m = w->map;
    const ovp_idx first = task * ROWS, rows = m->k - first < ROWS ? m->k - first : ROWS;
    double *z = w->out + first * w->rows;
    (void)ctx;
    ovp_numeric_gemm(OVP_F64, 0, 1, rows, w->rows, m->d, 1, m->v + first * m->d, m->d, w->x, m->d, 0, z, w->rows);
    for (ovp_idx j = 0; j < rows; j++)
        for (ovp_idx i = 0; i < w->rows; i++) z[j * w->rows + i] = rectified(m, z[j * w->rows + i], first + j);
    return OVP_OK;
}

static ovp_status all_of(ovp_ctx *ctx, ovp_task_fn fn, ovp_idx rows, const job *w) {
    job copy = *w;
    const int blas = ovp_numeric_blas_begin();
    const ovp_status status = ovp_parallel(ctx, (rows + ROWS - 1) / ROWS, fn, &copy);
    ovp_numeric_blas_end(blas);
    return status;
}

/* f (rows x c) = phi(x) a */
static ovp_status evaluate(double *f, ovp_ctx *ctx, const feature_map *m, ovp_idx rows, const double *x, ovp_idx c,
                           const double *a) {
    job w = {.map = m, .rows = rows, .c = c, .x = x, .a = a, .out = f};
    ovp_status status = ovp_alloc(ctx, &w.scratch, (ovp_idx)ovp_threads(ctx) * ROWS * m->k, sizeof *w.scratch);
    if (status == OVP_OK) status = all_of(ctx, plain_task, rows, &w);
    ovp_free(ctx, w.scratch);
    return status;
}

/* ---- one fit --------------------------------------------------------------------------------------- */

static void score(features_images_error *out, const princeton_images *im, const double *train, const double *y,
                  const double *test) {
    ovp_kernel_score(&out->train, NULL, OVP_F64, im->n, im->classes, train, y);
    ovp_kernel_score(NULL, &out->train_wrong, OVP_F64, im->n, im->classes, train, im->target);
    ovp_kernel_score(&out->test, &out->test_wrong, OVP_F64, im->n_test, im->classes, test, im->target_test);
}

/* Features that are 0 on every image are left out: their coefficients are 0 in the least-norm fit. *alive: the others,
 * moved to the front of z (turned) with their rows of V and b. */
static void drop_dead(ovp_idx *alive, ovp_idx k, ovp_idx n, double *z, ovp_idx d, double *v, double *b) {
    *alive = 0;
    for (ovp_idx j = 0; j < k; j++) {
        double largest = 0;
        for (ovp_idx i = 0; i < n; i++) largest = fmax(largest, z[j * n + i]);
        if (!(largest > 0)) continue;
        memmove(z + *alive * n, z + j * n, (size_t)n * sizeof *z);
        memmove(v + *alive * d, v + j * d, (size_t)d * sizeof *v);
        b[(*alive)++] = b[j];
    }
}

/* a (k x c), and what it gives on the training images, from the Gram matrix of the smaller side and its ridge. */
static ovp_status solve(features_images_row *row, ovp_ctx *ctx, const princeton_images *im, const double *y, ovp_idx k,
                        int wide, const double *z, const double *gram, double ridge, double *a, double *train) {
    const ovp_idx n = im->n, c = im->classes, side = wide ? n : k;
    const ovp_kernel_solver_options options = {.size = sizeof options, .ridge = (double)n * ridge};
    ovp_status status = OVP_OK;
    ovp_kernel_solver *solver = NULL;
    double *dual = NULL;
    OVP_TRY(ovp_alloc(ctx, &dual, side * c, sizeof *dual));
    if (wide)
        memcpy(dual, y, (size_t)(n * c) * sizeof *dual);
    else
        ovp_numeric_gemm(OVP_F64, 0, 0, k, c, n, 1, z, n, y, c, 0, dual, c);
    OVP_TRY(ovp_kernel_solver_create(&solver, ctx, side, gram, &options));
    OVP_TRY(ovp_kernel_solve(solver, ctx, c, dual, dual));
    row->rank = side - ovp_kernel_solver_get_report(solver)->dropped;
    if (wide) {
        ovp_numeric_gemm(OVP_F64, 1, 0, k, c, n, 1, z, k, dual, c, 0, a, c);
        ovp_numeric_gemm(OVP_F64, 0, 0, n, c, n, 1, gram, n, dual, c, 0, train, c);
    } else {
        memcpy(a, dual, (size_t)(k * c) * sizeof *a);
        ovp_numeric_gemm(OVP_F64, 1, 0, n, c, k, 1, z, n, a, c, 0, train, c);
    }
    double square = 0;
    for (ovp_idx i = 0; i < k * c; i++) square += a[i] * a[i];
    row->norm = sqrt(square);
done:
    ovp_kernel_solver_free(solver);
    ovp_free(ctx, dual);
    return status;
}

/* Rows of one draw of k features, one a ridge. */
static ovp_status one_draw(images_lab *l, int64_t seed, ovp_idx k, features_images_row *rows) {
    ovp_status status = OVP_OK;
    features_lab *lab = l->lab;
    ovp_ctx *ctx = lab->ctx;
    const princeton_images *im = &l->images;
    const ovp_idx n = im->n, d = im->d, c = im->classes;
    const int wide = k > n;
    ovp_idx lambdas, alive = k;
    const double *lambda = ovp_params_reals(lab->params, "lambda", &lambdas);
    ovp_numeric_rng *rng = NULL;
    double *v = NULL, *z = NULL, *gram = NULL, *a = NULL;
    OVP_TRY(study_stream(&rng, lab->run, seed, OVP_PURPOSE_INIT, (uint64_t)k));
    OVP_TRY(ovp_alloc(ctx, &v, k * (d + 1), sizeof *v));
    OVP_TRY(ovp_alloc(ctx, &z, k * n, sizeof *z));
    OVP_TRY(ovp_alloc(ctx, &a, (k + n + im->n_test) * c, sizeof *a));
    double *b = v + k * d, *train = a + k * c, *test = train + n * c;
    ovp_numeric_rng_normal(rng, OVP_F64, k * d, 0, 1, v);
    ovp_numeric_rng_align(rng);
    ovp_numeric_rng_normal(rng, OVP_F64, k, 0, 1, b);
    feature_map m = {k, d, v, b, sqrt(2. / (double)k)};
    const job w = {.map = &m, .rows = n, .x = im->x, .out = z};
    OVP_TRY(all_of(ctx, wide ? plain_task : turned_task, wide ? n : k, &w));
    if (!wide) drop_dead(&alive, k, n, z, d, v, b);
    m.k = alive;
    const ovp_idx side = wide ? n : alive;
    OVP_TRY(ovp_alloc(ctx, &gram, side * side, sizeof *gram));
    OVP_TRY(ovp_kernel_gram(gram, ctx, l->inner, OVP_F64, wide ? k : n, side, z, 0, NULL));
    for (ovp_idx i = 0; i < lambdas; i++) {
        features_images_row *row = &rows[i];
        row->gram_error = wide ? 0 : (double)NAN;
        for (ovp_idx q = 0; wide && q < n * n; q++)
            row->gram_error = fmax(row->gram_error, fabs(gram[q] - l->kernel[q]));
        OVP_TRY(solve(row, ctx, im, l->y, alive, wide, z, gram, lambda[i], a, train));
        OVP_TRY(evaluate(test, ctx, &m, im->n_test, im->x_test, c, a));
        score(&row->error, im, train, l->y, test);
    }
done:
    ovp_free(ctx, a);
    ovp_free(ctx, gram);
    ovp_free(ctx, z);
    ovp_free(ctx, v);
    ovp_numeric_rng_free(rng);
    return status;
}

/* ---- infinitely many ------------------------------------------------------------------------------- */

static ovp_status solve_limit(images_lab *l) {
    ovp_status status = OVP_OK;
    ovp_ctx *ctx = l->lab->ctx;
    const princeton_images *im = &l->images;
    const ovp_idx n = im->n, c = im->classes;
    ovp_idx lambdas;
    const double *lambda = ovp_params_reals(l->lab->params, "lambda", &lambdas);
    ovp_kernel_solver *solver = NULL;
    double *block = NULL;
    OVP_TRY(ovp_alloc(ctx, &l->kernel, n * n, sizeof *l->kernel));
    OVP_TRY(ovp_alloc(ctx, &l->of_limit, lambdas, sizeof *l->of_limit));
    OVP_TRY(ovp_alloc(ctx, &block, (2 * n + im->n_test) * c, sizeof *block));
    double *dual = block, *train = dual + n * c, *test = train + n * c;
    OVP_TRY(ovp_kernel_gram(l->kernel, ctx, l->limit, OVP_F64, im->d, n, im->x, 0, NULL));
    for (ovp_idx i = 0; i < lambdas; i++) {
        const ovp_kernel_solver_options options = {.size = sizeof options, .ridge = (double)n * lambda[i]};
        OVP_TRY(ovp_kernel_solver_create(&solver, ctx, n, l->kernel, &options));
        OVP_TRY(ovp_kernel_solve(solver, ctx, c, l->y, dual));
        ovp_kernel_solver_free(solver);
        solver = NULL;
        OVP_TRY(ovp_kernel_apply(train, ctx, l->limit, OVP_F64, im->d, n, im->x, 0, NULL, c, dual, 0));
        OVP_TRY(ovp_kernel_apply(test, ctx, l->limit, OVP_F64, im->d, im->n_test, im->x_test, n, im->x, c, dual, 0));
        score(&l->of_limit[i], im, train, l->y, test);
    }
done:
    ovp_kernel_solver_free(solver);
    ovp_free(ctx, block);
    return status;
}

/* ---- all ------------------------------------------------------------------------------------------- */

static ovp_status open_lab(images_lab *l, features_lab *lab) {
    const ovp_kernel_options limit = {
        .size = sizeof limit, .name = "nngp", .activation = "relu", .depth = 1, .convention = "tutorial-bias"};
    const ovp_kernel_options inner = {.size = sizeof inner, .name = "polynomial", .degree = 1, .scale = 1};
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    *l = (images_lab){.lab = lab};
    OVP_TRY(princeton_images_load(&l->images, lab->ctx, "mnist", lab->n / 10, lab->n_test));
    const ovp_idx count = l->images.n * l->images.classes;
    OVP_TRY(ovp_kernel_create(&l->limit, lab->ctx, &limit));
    OVP_TRY(ovp_kernel_create(&l->inner, lab->ctx, &inner));
    OVP_TRY(ovp_alloc(lab->ctx, &l->y, count, sizeof *l->y));
    OVP_TRY(study_stream(&rng, lab->run, ovp_run_data_seed(lab->run, lab->seeds[0]), OVP_PURPOSE_DATA, 0));
    ovp_numeric_rng_normal(rng, OVP_F64, count, 0, lab->noise, l->y);
    for (ovp_idx i = 0; i < count; i++) l->y[i] += l->images.target[i];
    OVP_TRY(solve_limit(l));
done:
    ovp_numeric_rng_free(rng);
    return status;
}

static void close_lab(images_lab *l) {
    ovp_ctx *ctx = l->lab->ctx;
    ovp_kernel_free(l->limit);
    ovp_kernel_free(l->inner);
    ovp_free(ctx, l->kernel);
    ovp_free(ctx, l->of_limit);
    ovp_free(ctx, l->y);
    princeton_images_free(ctx, &l->images);
}

static ovp_status report(features_lab *lab, const features_images *out, const features_images_row *row) {
    const features_images_error *limit = &out->limits[row->way];
    const ovp_store_cell cells[] = {
        ovp_cell_int(row->features),
        ovp_cell_int(row->seed),
        ovp_cell_int(0),
        ovp_cell_text(row->lambda > 0 ? "ridge" : "min-norm"),
        ovp_cell_real(row->error.train),
        ovp_cell_real(row->error.test),
        ovp_cell_real(limit->test),
        ovp_cell_text("mnist"),
        ovp_cell_text("relu"),
        ovp_cell_real(row->lambda),
        ovp_cell_real(limit->train),
        ovp_cell_int(row->rank),
        ovp_cell_real(row->norm),
        isfinite(row->gram_error) ? ovp_cell_real(row->gram_error) : ovp_cell_null(),
        ovp_cell_null(),
        ovp_cell_real(row->error.train_wrong),
        ovp_cell_real(row->error.test_wrong),
        ovp_cell_real(limit->test_wrong),
    };
    return ovp_run_row(lab->run, "features", cells);
}

ovp_status features_images_run(features_images *out, features_lab *lab) {
    ovp_status status = OVP_OK;
    images_lab l;
    const double *lambda = ovp_params_reals(lab->params, "lambda", &out->ways);
    const ovp_idx each = lab->seed_count * out->ways;
    *out = (features_images){.ways = out->ways};
    OVP_TRY(open_lab(&l, lab));
    OVP_TRY(ovp_alloc(lab->ctx, &out->rows, lab->count_count * each, sizeof *out->rows));
    out->limits = l.of_limit;
    l.of_limit = NULL; /* handed over */
    for (ovp_idx i = 0; i < lab->count_count; i++) {
        for (ovp_idx s = 0; s < lab->seed_count; s++) {
            features_images_row *rows = out->rows + out->done;
            OVP_TRY(ovp_check(lab->ctx));
            for (ovp_idx k = 0; k < out->ways; k++)
                rows[k] = (features_images_row){
                    .features = lab->counts[i], .seed = lab->seeds[s], .way = k, .lambda = lambda[k]};
            OVP_TRY(one_draw(&l, lab->seeds[s], lab->counts[i], rows));
            out->done += out->ways;
            for (ovp_idx k = 0; k < out->ways; k++) OVP_TRY(report(lab, out, &rows[k]));
        }
        ovp_run_progress(lab->run, &(ovp_progress){"mnist", "settings", i + 1, lab->count_count, "test error",
                                                   out->rows[out->done - 1].error.test});
    }
done:
    close_lab(&l);
    return status;
}

void features_images_free(ovp_ctx *ctx, features_images *images) {
    ovp_free(ctx, images->rows);
    ovp_free(ctx, images->limits);
    *images = (features_images){.ways = 0};
}
