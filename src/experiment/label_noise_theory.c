/* label-noise: the risk of kernel interpolation by the equations of eigenlearning (Simon, Dickens, Karkada and DeWeese
 * 2023), from the training set alone.
 *
 * With eigenvalues lambda_i of the kernel and coefficients v_i of the target, kappa solves sum L_i + delta / kappa = n,
 * L_i = lambda_i / (lambda_i + kappa), for the ridge delta; E_0 = n / (n - sum L_i^2); the mean prediction is sum L_i
 * v_i phi_i and the variance (E_0 - 1) (sum (1 - L_i)^2 v_i^2 + noise). Spectrum and coefficients are not known, but
 * the same theory says what the Gram matrix shows of them (Jacot, Simsek, Spadaro, Hongler and Gabriel 2020; Wei, Hu
 * and Steinhardt 2022): tr (K + delta)^-1 = 1 / kappa,    d kappa / d delta = E_0 / n,    y^T (K + delta)^-1 y = sum (1
 * - L_i) v_i^2 / kappa,    |(K + delta)^-1 y|^2 = E_0 sum (1 - L_i)^2 v_i^2 / (n kappa^2), here at delta = 0. Noise:
 * with probability p a label is drawn anew, uniform over C classes. The fit then learns (1 - p) times the target plus
 * the constant p / C, with noise 1 - sum_c pi_c^2, pi = (1 - p) e_true + p / C, in all. */
#include "label_noise_int.h"

#include <string.h>

enum { PROBES = 32, NODES = 25 };

ovp_status noise_theory_traces(double *trace, double *trace_square, ovp_ctx *ctx, ovp_kernel_solver *solver,
                               ovp_idx n) {
    ovp_status status = OVP_OK;
    ovp_numeric_rng *rng = NULL;
    double *z = NULL, *inverse = NULL;
    int64_t *bits = NULL;
    OVP_TRY(ovp_numeric_rng_create(&rng, ctx, OVP_RNG_PHILOX, 0, OVP_PURPOSE_GENERAL, 0));
    OVP_TRY(ovp_alloc(ctx, &bits, n * PROBES, sizeof *bits));
    OVP_TRY(ovp_alloc(ctx, &z, 2 * n * PROBES, sizeof *z));
    inverse = z + n * PROBES;
    ovp_numeric_rng_integers(rng, n * PROBES, 0, 2, bits);
    for (ovp_idx i = 0; i < n * PROBES; i++) z[i] = bits[i] ? 1 : -1;
    OVP_TRY(ovp_kernel_solve(solver, ctx, PROBES, z, inverse));
    *trace = *trace_square = 0;
    for (ovp_idx i = 0; i < n * PROBES; i++) {
        *trace += z[i] * inverse[i] / PROBES;
        *trace_square += inverse[i] * inverse[i] / PROBES;
    }
done:
    ovp_free(ctx, z);
    ovp_free(ctx, bits);
    ovp_numeric_rng_free(rng);
    return status;
}

void noise_theory_get(noise_theory *out, ovp_idx n, ovp_idx classes, const double *y, const double *inverse_y,
                      ovp_idx stride, double trace, double trace_square) {
    double power = 0, product = 0, square = 0;
    for (ovp_idx i = 0; i < n; i++)
        for (ovp_idx c = 0; c < classes; c++) {
            const double t = y[i * classes + c], w = inverse_y[i * stride + c];
            power += t * t;
            product += t * w;
            square += w * w;
        }
    *out = (noise_theory){.n = (double)n, .classes = (double)classes, .kappa = 1 / trace, .power = power / (double)n};
    out->overfitting = (double)n * trace_square / (trace * trace);
    out->unlearned = out->kappa * product;
    out->unlearned_square = square / trace_square;
}

/* Of the labels, summed over classes. */
static double label_noise(const noise_theory *t, double p) {
    const double kept = 1 - p + p / t->classes, other = p / t->classes;
    return 1 - kept * kept - (t->classes - 1) * other * other;
}

static double variance(const noise_theory *t, double p) {
    return (t->overfitting - 1) * ((1 - p) * (1 - p) * t->unlearned_square + label_noise(t, p));
}

/* Bias: sum (1 - (1 - p) L_i)^2 v_i^2, but the constant mode, which the p / C completes and whose L is 1, has no
 * part. */
double noise_theory_mse(const noise_theory *t, double p) {
    const double constant = 1 / t->classes, learned = t->power - t->unlearned,
                 learned_square = t->power - 2 * t->unlearned + t->unlearned_square;
    const double bias =
        (t->power - constant) - 2 * (1 - p) * (learned - constant) + (1 - p) * (1 - p) * (learned_square - constant);
    return (bias + variance(t, p)) / t->classes;
}

typedef struct error_job {
    double scale, deviation; /* of the scores, of the noise */
    ovp_idx classes, n_test, stride;
    const double *scores;
    const int32_t *label;
    const ovp_numeric_activation *erf;
    double *wrong;   /* probability of each test image */
    double *scratch; /* NODES x classes a worker */
} error_job;

enum { IMAGES_A_TASK = 250 };

static double node(int k) {
    return 12.0 * k / (NODES - 1) - 6;
}

/* P(score of the true class + noise is the largest) = E_z prod_c Phi(z + difference_c / deviation), by the trapezoidal
 * rule, which converges geometrically here. */
static double chance_right(const error_job *job, const ovp_ctx *ctx, ovp_idx i) {
    const double *s = job->scores + i * job->stride;
    const ovp_idx truth = job->label[i], classes = job->classes;
    double *erfs = job->scratch + (ovp_idx)ovp_worker(ctx) * NODES * classes;
    double sum = 0, weights = 0;
    for (int k = 0; k < NODES; k++)
        for (ovp_idx c = 0; c < classes; c++)
            erfs[k * classes + c] = (node(k) + job->scale * (s[truth] - s[c]) / job->deviation) * M_SQRT1_2;
    ovp_numeric_phi(ctx, job->erf, OVP_F64, NODES * classes, erfs, erfs);
    for (int k = 0; k < NODES; k++) {
        double product = exp(-node(k) * node(k) / 2);
        weights += product;
        for (ovp_idx c = 0; c < classes; c++)
            if (c != truth) product *= .5 * (1 + erfs[k * classes + c]);
        sum += product;
    }
    return sum / weights;
}

static ovp_status error_task(ovp_ctx *ctx, void *arg, ovp_idx task) {
    const error_job *job = arg;
    const ovp_idx end = (task + 1) * IMAGES_A_TASK < job->n_test ? (task + 1) * IMAGES_A_TASK : job->n_test;
    for (ovp_idx i = task * IMAGES_A_TASK; i < end; i++) {
        const double *s = job->scores + i * job->stride;
        if (job->deviation > 0) {
            job->wrong[i] = 1 - chance_right(job, ctx, i);
            continue;
        }
        ovp_idx best = 0;
        for (ovp_idx c = 1; c < job->classes; c++)
            if (s[c] > s[best]) best = c;
        job->wrong[i] = best != job->label[i];
    }
    return OVP_OK;
}

/* The noise of the labels has the covariance a (I - 1 1^T / C), on average over classes, with a = (their sum) / (C -
 * 1); what it adds to all scores alike changes no decision, so it acts like independent noise of variance a. */
ovp_status noise_theory_error(double *error, ovp_ctx *ctx, const noise_theory *theory, double p, ovp_idx n_test,
                              const double *scores, ovp_idx stride, const int32_t *label) {
    ovp_status status = OVP_OK;
    const double a = (theory->overfitting - 1) * label_noise(theory, p) / (theory->classes - 1);
    error_job job = {.scale = 1 - p,
                     .deviation = a > 0 ? sqrt(a) : 0,
                     .classes = (ovp_idx)theory->classes,
                     .n_test = n_test,
                     .stride = stride,
                     .scores = scores,
                     .label = label,
                     .erf = ovp_numeric_activation_find("erf")};
    double sum = 0;
    OVP_TRY(ovp_alloc(ctx, &job.wrong, n_test, sizeof *job.wrong));
    OVP_TRY(ovp_alloc(ctx, &job.scratch, (ovp_idx)ovp_threads(ctx) * NODES * job.classes, sizeof *job.scratch));
    OVP_TRY(ovp_parallel(ctx, (n_test + IMAGES_A_TASK - 1) / IMAGES_A_TASK, error_task, &job));
    for (ovp_idx i = 0; i < n_test; i++) sum += job.wrong[i];
    *error = sum / (double)n_test;
done:
    ovp_free(ctx, job.scratch);
    ovp_free(ctx, job.wrong);
    return status;
}
