/* depth-vs-width: teachers and their data, students and their training. */
#include "depth_vs_width_int.h"

#include <string.h>

/* ---- nets ---------------------------------------------------------------------------------------- */

ovp_idx depth_width_parameters(ovp_idx inputs, ovp_idx width, ovp_idx depth) {
    return inputs * width + (depth - 2) * width * width + width;
}

ovp_net_dense_options depth_width_options(const depth_width_setup *setup, ovp_idx width, ovp_idx depth,
                                          ovp_idx *widths) {
    widths[0] = setup->inputs;
    for (ovp_idx l = 1; l < depth; l++) widths[l] = width;
    widths[depth] = 1;
    return (ovp_net_dense_options){.size = sizeof(ovp_net_dense_options),
                                   .layers = depth,
                                   .widths = widths,
                                   .activation = setup->activation,
                                   .no_bias = 1,
                                   .type = setup->type,
                                   .engine = setup->engine};
}

ovp_status depth_width_net(study_net *net, ovp_ctx *ctx, const depth_width_setup *setup, ovp_idx width, ovp_idx depth,
                           double sigma, ovp_numeric_rng *rng) {
    ovp_status status = OVP_OK;
    ovp_idx *widths = NULL;
    const ovp_net_init_options again = {sizeof again, "normal", sigma};
    OVP_TRY(ovp_alloc(ctx, &widths, depth + 1, sizeof *widths));
    const ovp_net_dense_options options = depth_width_options(setup, width, depth, widths);
    OVP_TRY(study_net_create(net, ctx, &options, "torch-default", 0, rng));
    if (!(sigma > 0)) goto done;
    ovp_numeric_rng_align(rng);
    OVP_TRY(ovp_net_init(net->model, ctx, &again, rng, net->theta));
    study_net_mark(net);
done:
    ovp_free(ctx, widths);
    return status;
}

/* ---- a teacher and its data ---------------------------------------------------------------------- */

static double value_at(const void *values, ovp_numeric_type type, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

/* What the teacher says, in the setup's type. */
static ovp_status answer(depth_width_problem *p, ovp_ctx *ctx, ovp_numeric_type type, const void *x, ovp_idx rows,
                         void *y) {
    ovp_status status = OVP_OK;
    double *f = NULL;
    OVP_TRY(ovp_alloc(ctx, &f, rows, sizeof *f));
    OVP_TRY(study_net_outputs(&p->teacher, ctx, p->teacher.theta, x, rows, f));
    for (ovp_idx i = 0; i < rows; i++)
        if (type == OVP_F32)
            ((float *)y)[i] = (float)f[i];
        else
            ((double *)y)[i] = f[i];
done:
    ovp_free(ctx, f);
    return status;
}

static double unbiased_variance(const void *values, ovp_numeric_type type, ovp_idx n) {
    double mean = 0, square = 0;
    for (ovp_idx i = 0; i < n; i++) mean += value_at(values, type, i);
    mean /= (double)n;
    for (ovp_idx i = 0; i < n; i++) {
        const double apart = value_at(values, type, i) - mean;
        square += apart * apart;
    }
    return square / (double)(n - 1);
}

ovp_status depth_width_problem_create(depth_width_problem *out, ovp_ctx *ctx, const depth_width_setup *setup,
                                      double sigma, const depth_width_streams *streams) {
    ovp_status status = OVP_OK;
    const size_t bytes = ovp_numeric_type_size(setup->type);
    const ovp_idx train = setup->n_train, test = setup->n_test, d = setup->inputs;
    *out = (depth_width_problem){.sigma = sigma};
    OVP_TRY(depth_width_net(&out->teacher, ctx, setup, setup->teacher_width, setup->teacher_depth, sigma,
                            streams->teacher));
    OVP_TRY(ovp_alloc(ctx, &out->x_train, (train + test) * (d + 1), bytes));
    out->x_test = (char *)out->x_train + (size_t)(train * d) * bytes;
    out->y_train = (char *)out->x_test + (size_t)(test * d) * bytes;
    out->y_test = (char *)out->y_train + (size_t)train * bytes;
    ovp_numeric_rng_normal(streams->train, setup->type, train * d, 0, 1, out->x_train);
    ovp_numeric_rng_normal(streams->test, setup->type, test * d, 0, 1, out->x_test);
    OVP_TRY(answer(out, ctx, setup->type, out->x_train, train, out->y_train));
    OVP_TRY(answer(out, ctx, setup->type, out->x_test, test, out->y_test));
    out->variance = unbiased_variance(out->y_test, setup->type, test);
done:
    if (status != OVP_OK) depth_width_problem_free(ctx, out);
    return status;
}

void depth_width_problem_free(ovp_ctx *ctx, depth_width_problem *problem) {
    study_net_free(ctx, &problem->teacher);
    ovp_free(ctx, problem->x_train);
    *problem = (depth_width_problem){.x_train = NULL};
}

ovp_status depth_width_error(double *error, ovp_ctx *ctx, const depth_width_setup *setup,
                             const depth_width_problem *problem, const study_net *net, int test, double *outputs) {
    ovp_status status = OVP_OK;
    const ovp_idx rows = test ? setup->n_test : setup->n_train;
    const void *y = test ? problem->y_test : problem->y_train;
    double *own = NULL, sum = 0;
    if (!outputs) OVP_TRY(ovp_alloc(ctx, &own, rows, sizeof *own));
    double *f = outputs ? outputs : own;
    OVP_TRY(study_net_outputs(net, ctx, net->theta, test ? problem->x_test : problem->x_train, rows, f));
    for (ovp_idx i = 0; i < rows; i++) {
        const double apart = f[i] - value_at(y, setup->type, i);
        sum += apart * apart;
    }
    *error = problem->variance > 0 ? sum / (double)rows / problem->variance : (double)NAN;
done:
    ovp_free(ctx, own);
    return status;
}

/* ---- students ------------------------------------------------------------------------------------ */

const char *depth_width_role_name(depth_width_role role) {
    static const char *const names[] = {"deep", "shallow", "linear"};
    return names[role];
}

/* On the worker that trains this student, so that a finished one is measured whatever happens to the others. */
ovp_status depth_width_watch(void *user, ovp_ctx *ctx, ovp_idx done) {
    ovp_status status = OVP_OK;
    depth_width_student *s = user;
    if (done == 0) return OVP_OK;
    if (done < s->steps) {
        s->lr /= 3;
        OVP_TRY(ovp_train_set_lr(s->net.trainer, s->lr));
        ovp_train_restart(s->net.trainer);
        return OVP_OK;
    }
    OVP_TRY(depth_width_error(&s->train_error, ctx, s->setup, s->problem, &s->net, 0, NULL));
    OVP_TRY(depth_width_error(&s->test_error, ctx, s->setup, s->problem, &s->net, 1, s->outputs));
    s->measured = 1;
done:
    return status;
}
