/* expressivity: tables, the phase diagram and verdicts. */
#include "expressivity_int.h"

#include <stdio.h>
#include <string.h>

/* Three standard errors, as a normal number has them: a few seeds tell their own scatter so badly that Student's t
 * allows them more: 4.1 with ten, 3.2 with forty. With the bare 3, one in 70 layers of ten seeds would be beyond them
 * by chance, and a run looks at dozens: of eight times ten nets of width 1000 and sigma 2, three were beyond in some
 * layer (seeds 1 to 10 by 3.5 at layer 17). It is chance: a finite width moves the mean by half the q map's second
 * derivative times q's variance, .014 % here. The default draws two nets a seed. */
#define Q_CONFIDENCE .9973
#define Q_MARGIN .03
#define GROWTH_MARGIN .01
#define CORRELATION_MARGIN .03

/* ---- rows ----------------------------------------------------------------------------------------- */

static ovp_status correlation_rows(expressivity_study *study, const expressivity_record *r, ovp_idx layer) {
    ovp_status status = OVP_OK;
    const expressivity_layer *theory = &study->theory[r->sigma].layers[layer];
    for (ovp_idx k = 0; k < study->angles; k++) {
        const ovp_store_cell cells[] = {ovp_cell_real(study->sigmas[r->sigma]),
                                        ovp_cell_int(study->seeds[r->seed]),
                                        ovp_cell_int(r->member),
                                        ovp_cell_int(layer),
                                        ovp_cell_real(study->angle[k] * 180 / M_PI),
                                        ovp_cell_finite(r->layers[layer].correlation[k]),
                                        ovp_cell_finite(theory->correlation[k])};
        OVP_TRY(ovp_run_row(study->run, "correlations", cells));
    }
done:
    return status;
}

ovp_status expressivity_rows(expressivity_study *study, const expressivity_record *r) {
    ovp_status status = OVP_OK;
    const expressivity_theory *theory = &study->theory[r->sigma];
    for (ovp_idx layer = 0; layer < study->hidden; layer++) {
        const expressivity_layer *m = &r->layers[layer], *t = &theory->layers[layer];
        const ovp_store_cell cells[] = {ovp_cell_real(study->sigmas[r->sigma]),
                                        ovp_cell_int(study->seeds[r->seed]),
                                        ovp_cell_int(layer),
                                        ovp_cell_finite(m->q),
                                        ovp_cell_finite(t->q),
                                        ovp_cell_finite(m->length),
                                        ovp_cell_finite(t->length),
                                        layer ? ovp_cell_finite(m->length / r->layers[layer - 1].length)
                                              : ovp_cell_null(),
                                        ovp_cell_int(r->member),
                                        ovp_cell_finite(theory->growth[layer]),
                                        ovp_cell_finite(m->error),
                                        ovp_cell_finite(m->polyline),
                                        ovp_cell_finite(m->length_h),
                                        ovp_cell_finite(t->length_h),
                                        ovp_cell_finite(m->curvature),
                                        ovp_cell_finite(t->curvature)};
        OVP_TRY(ovp_run_row(study->run, "layers", cells));
        OVP_TRY(correlation_rows(study, r, layer));
    }
done:
    return status;
}

static ovp_status theory_rows(expressivity_study *study) {
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < study->sigma_count; i++) {
        const expressivity_theory *t = &study->theory[i];
        const ovp_store_cell cells[] = {ovp_cell_real(t->sigma),
                                        ovp_cell_real(t->sigma_b),
                                        ovp_cell_finite(t->fixed.q_star),
                                        ovp_cell_finite(t->fixed.chi_1),
                                        ovp_cell_finite(sqrt(t->fixed.chi_1)),
                                        ovp_cell_finite(t->fixed.chi_2),
                                        ovp_cell_finite(t->fixed.c_star),
                                        ovp_cell_finite(t->fixed.xi_q),
                                        ovp_cell_finite(t->fixed.xi_c),
                                        ovp_cell_text(ovp_theory_phase_name(t->fixed.phase))};
        OVP_TRY(ovp_run_row(study->run, "theory", cells));
    }
done:
    return status;
}

/* ---- phase diagram --------------------------------------------------------------------------------- */

/* An edge that is not there is a gap, not an error. */
static ovp_status edges(expressivity_study *study, const char *activation) {
    ovp_status status = OVP_OK;
    for (ovp_idx j = 0; j < study->map_rows; j++) {
        status = ovp_theory_edge_of_chaos(&study->map_edge[j], study->ctx, activation, study->map_b[j]);
        if (status == OVP_ENUMERIC) {
            ovp_clear(study->ctx);
            study->map_edge[j] = NAN;
            status = OVP_OK;
        }
        OVP_TRY(status);
        const ovp_store_cell cells[] = {ovp_cell_real(study->map_b[j]), ovp_cell_finite(study->map_edge[j])};
        OVP_TRY(ovp_run_row(study->run, "map-edge", cells));
    }
done:
    return status;
}

ovp_status expressivity_map(expressivity_study *study) {
    ovp_status status = OVP_OK;
    const char *activation = ovp_params_text(study->params, "activation");
    const ovp_theory_mean_field_options options = {.size = sizeof options, .activation = activation};
    study->map_w = ovp_params_reals(study->params, "map-sigma-w", &study->map_cols);
    study->map_b = ovp_params_reals(study->params, "map-sigma-b", &study->map_rows);
    OVP_TRY(ovp_alloc(study->ctx, &study->map, study->map_cols * study->map_rows, sizeof *study->map));
    OVP_TRY(ovp_alloc(study->ctx, &study->map_edge, study->map_rows, sizeof *study->map_edge));
    OVP_TRY(ovp_theory_phase_diagram(study->map, study->ctx, &options, study->map_cols, study->map_w, study->map_rows,
                                     study->map_b));
    for (ovp_idx i = 0; i < study->map_cols; i++)
        for (ovp_idx j = 0; j < study->map_rows; j++) {
            const ovp_theory_fixed_point *f = &study->map[i * study->map_rows + j];
            const ovp_store_cell cells[] = {ovp_cell_real(study->map_w[i]), ovp_cell_real(study->map_b[j]),
                                            ovp_cell_finite(f->q_star), ovp_cell_finite(f->chi_1),
                                            ovp_cell_finite(f->xi_c)};
            OVP_TRY(ovp_run_row(study->run, "map", cells));
        }
    OVP_TRY(edges(study, activation));
done:
    return status;
}

/* ---- judgements --------------------------------------------------------------------------------------- */

/* Mean and standard error over seeds of one column of values. */
static ovp_measure_interval column(ovp_idx seeds, ovp_idx count, const double *values, ovp_idx at, double *error) {
    double kept[256] = {0};
    ovp_idx n = 0;
    for (ovp_idx s = 0; s < seeds && n < COUNT(kept); s++)
        if (isfinite(values[s * count + at])) kept[n++] = values[s * count + at];
    const ovp_measure_interval mean = ovp_measure_mean(n, kept);
    if (error) *error = n > 1 ? (mean.high - mean.mean) / ovp_numeric_student_t(.95, (double)(n - 1)) : (double)NAN;
    return mean;
}

expressivity_fit expressivity_judge_q(ovp_idx seeds, ovp_idx layers, const double *q, const double *theory) {
    expressivity_fit out = {.holds = OVP_HOLDS_YES, .relative = NAN, .errors = NAN, .allowed = NAN};
    int few = layers < 1, refuted = 0;
    for (ovp_idx l = 0; l < layers; l++) {
        double error;
        const ovp_measure_interval mean = column(seeds, layers, q, l, &error);
        const double relative = fabs(mean.mean / theory[l] - 1), errors = fabs(mean.mean - theory[l]) / error;
        const double allowed =
            mean.count > 1 ? ovp_numeric_student_t(Q_CONFIDENCE, (double)(mean.count - 1)) : (double)NAN;
        few |= mean.count < OVP_SEEDS_FOR_A_VERDICT || !isfinite(theory[l]);
        refuted |= relative > Q_MARGIN && errors > allowed;
        if (!(relative <= Q_MARGIN && errors <= allowed)) out.holds = OVP_HOLDS_UNCLEAR;
        out.relative = fmax(relative, out.relative); /* fmax passes over the NaN */
        out.errors = fmax(errors, out.errors);
        out.allowed = fmax(allowed, out.allowed);
    }
    if (refuted) out.holds = OVP_HOLDS_NO;
    if (few) out.holds = OVP_HOLDS_UNCLEAR;
    return out;
}

ovp_experiment_holds expressivity_judge_correlations(ovp_idx seeds, ovp_idx count, const double *c,
                                                     const double *theory, ovp_idx *worst) {
    ovp_experiment_holds all = OVP_HOLDS_YES;
    double farthest = -1;
    *worst = -1;
    for (ovp_idx i = 0; i < count; i++) {
        const ovp_measure_interval mean = column(seeds, count, c, i, NULL);
        const ovp_experiment_holds one = ovp_experiment_judge_near(mean, theory[i], CORRELATION_MARGIN);
        if (fabs(mean.mean - theory[i]) > farthest) {
            farthest = fabs(mean.mean - theory[i]);
            *worst = i;
        }
        if (one == OVP_HOLDS_NO || all == OVP_HOLDS_NO)
            all = OVP_HOLDS_NO;
        else if (one == OVP_HOLDS_UNCLEAR)
            all = one;
    }
    return count > 0 ? all : OVP_HOLDS_UNCLEAR;
}

ovp_idx expressivity_judge_map(ovp_idx cols, ovp_idx rows, const ovp_theory_fixed_point *map, const double *sigma_w,
                               const double *edge, ovp_idx *count) {
    ovp_idx wrong = 0;
    *count = 0;
    for (ovp_idx i = 0; i < cols; i++)
        for (ovp_idx j = 0; j < rows; j++) {
            const double chi = map[i * rows + j].chi_1;
            if (!isfinite(edge[j]) || !isfinite(chi) || fabs(sigma_w[i] - edge[j]) <= 1e-6) continue;
            ++*count;
            wrong += (chi > 1) != (sigma_w[i] > edge[j]);
        }
    return wrong;
}

static ovp_idx growth_high(ovp_idx hidden) {
    return hidden - 1 < EXPRESSIVITY_GROWTH_HIGH ? hidden - 1 : EXPRESSIVITY_GROWTH_HIGH;
}

double expressivity_growth(const expressivity_layer *layers, ovp_idx hidden) {
    const ovp_idx from = EXPRESSIVITY_GROWTH_LOW - 1, high = growth_high(hidden);
    if (high <= from || !(layers[from].length > 0) || !(layers[high].length > 0)) return NAN;
    return pow(layers[high].length / layers[from].length, 1 / (double)(high - from));
}

/* ---- verdicts ------------------------------------------------------------------------------------------ */

typedef struct judging {
    expressivity_study *study;
    double *values; /* seeds x (layers or layers x angles) */
    double *theory; /* one row of it */
    double *growth; /* sigmas x seeds */
} judging;

/* Mean over members of a value of each seed's nets of one sigma: seeds x count into values. */
typedef double (*pick_fn)(const expressivity_study *study, const expressivity_layer *layers, ovp_idx at);

static double pick_q(const expressivity_study *study, const expressivity_layer *layers, ovp_idx at) {
    (void)study;
    return layers[EXPRESSIVITY_FIRST + at].q;
}
static double pick_correlation(const expressivity_study *study, const expressivity_layer *layers, ovp_idx at) {
    return layers[EXPRESSIVITY_FIRST + at / study->angles].correlation[at % study->angles];
}
static double pick_growth(const expressivity_study *study, const expressivity_layer *layers, ovp_idx at) {
    (void)at;
    return expressivity_growth(layers, study->hidden);
}

static void by_seed(const expressivity_study *study, ovp_idx sigma, pick_fn pick, ovp_idx count, double *values) {
    for (ovp_idx s = 0; s < study->seed_count; s++)
        for (ovp_idx at = 0; at < count; at++) {
            double sum = 0;
            ovp_idx n = 0;
            for (ovp_idx i = 0; i < study->count; i++) {
                const expressivity_record *r = &study->records[i];
                if (r->sigma != sigma || r->seed != s) continue;
                sum += pick(study, r->layers, at);
                n++;
            }
            values[s * count + at] = n ? sum / (double)n : (double)NAN;
        }
}

static ovp_idx late_layers(const expressivity_study *study) {
    return study->hidden > EXPRESSIVITY_FIRST ? study->hidden - EXPRESSIVITY_FIRST : 0;
}

static ovp_status verdict_q(judging *j, ovp_idx sigma) {
    expressivity_study *study = j->study;
    const ovp_idx layers = late_layers(study), last = study->hidden - 1;
    study_verdict verdict;
    char claim[128], name[32], relative[32], errors[32], allowed[32];
    ovp_measure_interval end = {.count = 0, .mean = NAN, .low = NAN, .high = NAN};
    by_seed(study, sigma, pick_q, layers, j->values);
    for (ovp_idx l = 0; l < layers; l++) j->theory[l] = study->theory[sigma].layers[EXPRESSIVITY_FIRST + l].q;
    const expressivity_fit fit = expressivity_judge_q(study->seed_count, layers, j->values, j->theory);
    if (layers > 0) end = column(study->seed_count, layers, j->values, layers - 1, NULL);
    ovp_format_real(name, study->sigmas[sigma]);
    ovp_experiment_short(relative, 100 * fit.relative);
    ovp_experiment_short(errors, fit.errors);
    ovp_experiment_short(allowed, fit.allowed);
    snprintf(claim, sizeof claim, "sigma %s: the squared length per unit follows the q map", name);
    study_verdict_fill(
        &verdict, claim, end, study->theory[sigma].layers[last].q, fit.holds,
        "Measured: q of layer %lld, mean over seeds. Over layers %d to %lld the means are off by at most %s %% and %s "
        "standard errors; yes: in every layer within 3 %% and within %s standard errors (Student's t of 99.73 %%: what "
        "3 are with many seeds); no: beyond both in one.",
        (long long)last, EXPRESSIVITY_FIRST, (long long)last, relative, errors, allowed);
    return ovp_run_verdict(study->run, &verdict.verdict);
}

/* First layer whose length the growth rests on and that is not converged in some net of this sigma; -1: none. */
static ovp_idx unconverged(const expressivity_study *study, ovp_idx sigma) {
    ovp_idx first = -1;
    for (ovp_idx i = 0; i < study->count; i++) {
        const expressivity_record *r = &study->records[i];
        for (ovp_idx l = 0; r->sigma == sigma && l <= growth_high(study->hidden); l++)
            if (!(r->layers[l].error <= study->circle.tolerance) && (first < 0 || l < first)) first = l;
    }
    return first;
}

static ovp_status verdict_growth(judging *j, ovp_idx sigma) {
    expressivity_study *study = j->study;
    const double predicted = sqrt(study->theory[sigma].fixed.chi_1);
    const ovp_idx loose = unconverged(study, sigma);
    study_verdict verdict;
    char claim[128], name[32], note[96] = "";
    double *growth = j->growth + sigma * study->seed_count;
    by_seed(study, sigma, pick_growth, 1, growth);
    const ovp_measure_interval mean = study_over_seeds(growth, study->seed_count);
    ovp_experiment_holds holds = ovp_experiment_judge_near(mean, predicted, GROWTH_MARGIN * predicted);
    if (loose >= 0) {
        holds = OVP_HOLDS_UNCLEAR;
        snprintf(note, sizeof note, " The length is not converged from layer %lld on.", (long long)loose);
    }
    ovp_format_real(name, study->sigmas[sigma]);
    snprintf(claim, sizeof claim, "sigma %s: the length grows by sqrt(chi_1) a layer", name);
    study_verdict_fill(&verdict, claim, mean, predicted, holds,
                       "Geometric mean of the growth over layers %d to %lld, 95 %% over seeds, within 1 %% of "
                       "sqrt(chi_1(q*)).%s",
                       EXPRESSIVITY_GROWTH_LOW, (long long)growth_high(study->hidden), note);
    return ovp_run_verdict(study->run, &verdict.verdict);
}

static ovp_status verdict_correlations(judging *j, ovp_idx sigma) {
    expressivity_study *study = j->study;
    const ovp_idx count = late_layers(study) * study->angles;
    study_verdict verdict;
    char claim[128], name[32], where[128] = "";
    ovp_idx worst;
    ovp_measure_interval mean = {.count = 0, .mean = NAN, .low = NAN, .high = NAN};
    by_seed(study, sigma, pick_correlation, count, j->values);
    for (ovp_idx i = 0; i < count; i++)
        j->theory[i] =
            study->theory[sigma].layers[EXPRESSIVITY_FIRST + i / study->angles].correlation[i % study->angles];
    const ovp_experiment_holds holds =
        expressivity_judge_correlations(study->seed_count, count, j->values, j->theory, &worst);
    if (worst >= 0) {
        char angle[32];
        mean = column(study->seed_count, count, j->values, worst, NULL);
        ovp_experiment_short(angle, study->angle[worst % study->angles] * 180 / M_PI);
        snprintf(where, sizeof where, " Measured: the farthest off, %s degrees at layer %lld.", angle,
                 (long long)(EXPRESSIVITY_FIRST + worst / study->angles));
    }
    ovp_format_real(name, study->sigmas[sigma]);
    snprintf(claim, sizeof claim, "sigma %s: correlations of pairs follow their map", name);
    study_verdict_fill(&verdict, claim, mean, worst >= 0 ? j->theory[worst] : (double)NAN, holds,
                       "At each angle and each layer from %d on the 95 %% interval over seeds lies within .03 of "
                       "theory.%s",
                       EXPRESSIVITY_FIRST, where);
    return ovp_run_verdict(study->run, &verdict.verdict);
}

/* Growth above 1 where chi_1 > 1, below where chi_1 < 1; nets at the edge are left out. */
static ovp_status verdict_phases(judging *j) {
    expressivity_study *study = j->study;
    study_verdict verdict;
    ovp_experiment_holds all = OVP_HOLDS_YES;
    char list[512] = "";
    size_t length = 0;
    ovp_idx compared = 0;
    for (ovp_idx i = 0; i < study->sigma_count; i++) {
        const ovp_theory_fixed_point *fixed = &study->theory[i].fixed;
        const ovp_measure_interval mean = study_over_seeds(j->growth + i * study->seed_count, study->seed_count);
        char name[32], growth[32];
        if (fixed->phase != OVP_PHASE_CHAOTIC && fixed->phase != OVP_PHASE_ORDERED) continue;
        const ovp_experiment_holds one =
            fixed->phase == OVP_PHASE_CHAOTIC ? ovp_experiment_judge_above(mean, 1) : study_judge_below(mean, 1);
        if (one == OVP_HOLDS_NO || all == OVP_HOLDS_NO)
            all = OVP_HOLDS_NO;
        else if (one == OVP_HOLDS_UNCLEAR)
            all = one;
        ovp_format_real(name, study->sigmas[i]);
        ovp_experiment_short(growth, mean.mean);
        if (length < sizeof list)
            length += (size_t)snprintf(list + length, sizeof list - length, "%ssigma %s (%s): %s",
                                       compared++ ? ", " : "", name, ovp_theory_phase_name(fixed->phase), growth);
    }
    const ovp_measure_interval none = {.count = study->seed_count, .mean = NAN, .low = NAN, .high = NAN};
    study_verdict_fill(&verdict, "the curve grows exponentially in chaotic nets and shrinks in ordered ones", none, NAN,
                       compared ? all : OVP_HOLDS_UNCLEAR,
                       "95 %% interval over seeds of the growth a layer, above or below 1: %s.", list);
    return ovp_run_verdict(study->run, &verdict.verdict);
}

static ovp_status verdict_map(expressivity_study *study) {
    study_verdict verdict;
    ovp_idx count;
    const ovp_idx wrong =
        expressivity_judge_map(study->map_cols, study->map_rows, study->map, study->map_w, study->map_edge, &count);
    study_verdict_theorem(&verdict, "the edge of chaos separates the phases", wrong > 0 ? 2 : 0, count,
                          "chi_1 > 1 exactly above the sigma_w that root finding gives for its sigma_b: %lld of %lld "
                          "grid points otherwise.",
                          (long long)wrong, (long long)count);
    return ovp_run_verdict(study->run, &verdict.verdict);
}

static ovp_status verdicts(expressivity_study *study) {
    ovp_status status = OVP_OK;
    judging j = {.study = study};
    const ovp_idx cells = (late_layers(study) + 1) * EXPRESSIVITY_ANGLES;
    OVP_TRY(ovp_alloc(study->ctx, &j.values, study->seed_count * cells, sizeof *j.values));
    OVP_TRY(ovp_alloc(study->ctx, &j.theory, cells, sizeof *j.theory));
    OVP_TRY(ovp_alloc(study->ctx, &j.growth, study->sigma_count * study->seed_count, sizeof *j.growth));
    for (ovp_idx i = 0; i < study->sigma_count; i++) {
        OVP_TRY(verdict_q(&j, i));
        OVP_TRY(verdict_growth(&j, i));
        OVP_TRY(verdict_correlations(&j, i));
    }
    OVP_TRY(verdict_phases(&j));
    if (study->map) OVP_TRY(verdict_map(study));
done:
    ovp_free(study->ctx, j.growth);
    ovp_free(study->ctx, j.theory);
    ovp_free(study->ctx, j.values);
    return status;
}

ovp_status expressivity_conclude(expressivity_study *study) {
    static const char *const settings[] = {"sigma", "layer"};
    static const char *const measures[] = {"q", "length", "growth", "length_activations", "curvature"};
    ovp_status status = OVP_OK;
    OVP_TRY(theory_rows(study));
    OVP_TRY(
        ovp_run_summary(study->run, "layers", "layers-summary", settings, COUNT(settings), measures, COUNT(measures)));
    OVP_TRY(verdicts(study));
    OVP_TRY(expressivity_draw(study));
done:
    return status;
}
