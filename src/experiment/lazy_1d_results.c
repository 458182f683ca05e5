/* lazy-1d: from finished nets to rows, arrays, summaries and verdicts. */
#include "lazy_1d_int.h"

#include <stdio.h>
#include <string.h>

/* ---- rows ---------------------------------------------------------------------------------------- */

enum { SHAPE = 64, GAP_ROWS = 5 };

/* Fills a net's rows of one table; returns their number. text: one a row, for what cells point to. */
typedef ovp_idx (*rows_of)(const lazy_1d_net *net, ovp_store_cell *cells, char (*text)[SHAPE], void *scratch);

static ovp_idx model_rows(const lazy_1d_net *net, ovp_store_cell *cells, char (*text)[SHAPE], void *scratch) {
    (void)text, (void)scratch;
    const int reached = isfinite(net->steps_to_loss);
    const ovp_store_cell row[] = {
        ovp_cell_int(net->width),
        ovp_cell_int(net->seed),
        ovp_cell_int(net->member),
        ovp_cell_finite(net->losses[0]),
        ovp_cell_finite(net->final_loss),
        ovp_cell_finite(net->moved[0]),
        ovp_cell_finite(net->moved[1]),
        ovp_cell_finite(net->moved[2]),
        ovp_cell_finite(net->risk),
        reached ? ovp_cell_int((int64_t)net->steps_to_loss) : ovp_cell_null(),
        ovp_cell_finite(net->moved_published),
        ovp_cell_text(net->diverged_at ? "diverged" : "ok"),
        net->diverged_at ? ovp_cell_int(net->diverged_at) : ovp_cell_null(),
    };
    memcpy(cells, row, sizeof row);
    return 1;
}

static ovp_idx timing_rows(const lazy_1d_net *net, ovp_store_cell *cells, char (*text)[SHAPE], void *scratch) {
    (void)text, (void)scratch;
    const ovp_store_cell row[] = {
        ovp_cell_int(net->width),
        ovp_cell_int(net->seed),
        ovp_cell_int(net->member),
        ovp_cell_real(net->seconds),
        ovp_cell_real(net->seconds > 0 ? (double)net->done / net->seconds : (double)NAN),
    };
    memcpy(cells, row, sizeof row);
    return 1;
}

static double norm(ovp_numeric_type type, ovp_idx count, const void *a, const void *b) {
    double sum = 0;
    for (ovp_idx i = 0; i < count; i++) {
        const double p = type == OVP_F32 ? (double)((const float *)a)[i] : ((const double *)a)[i];
        const double q = !b ? 0 : type == OVP_F32 ? (double)((const float *)b)[i] : ((const double *)b)[i];
        sum += (p - q) * (p - q);
    }
    return sqrt(sum);
}

/* scratch: room for the parameters twice. */
static ovp_idx tensor_rows(const lazy_1d_net *net, ovp_store_cell *cells, char (*text)[SHAPE], void *scratch) {
    const ovp_numeric_type type = net->lab->setup.type;
    ovp_idx count;
    const ovp_net_slice *slices = ovp_net_model_slices(net->net.model, &count);
    char *now = scratch, *then = now + (size_t)ovp_net_model_parameters(net->net.model) * ovp_numeric_type_size(type);
    for (ovp_idx l = 0; l < count; l++) {
        const ovp_net_slice *slice = &slices[l];
        if (slice->ndim == 2)
            snprintf(text[l], SHAPE, "%lldx%lld", (long long)slice->shape[0], (long long)slice->shape[1]);
        else
            snprintf(text[l], SHAPE, "%lld", (long long)slice->shape[0]);
        ovp_net_slice_get(net->net.model, slice, net->net.theta, now);
        ovp_net_slice_get(net->net.model, slice, net->net.theta0, then);
        const double start = norm(type, slice->count, then, NULL);
        const ovp_store_cell row[] = {
            ovp_cell_int(net->member),
            ovp_cell_text(slice->name),
            ovp_cell_text(text[l]),
            ovp_cell_finite(start),
            ovp_cell_finite(net->diverged_at ? (double)NAN : norm(type, slice->count, now, NULL)),
            ovp_cell_finite(net->diverged_at ? (double)NAN : norm(type, slice->count, now, then) / start),
            ovp_cell_int(net->width),
            ovp_cell_int(net->seed),
        };
        memcpy(cells + l * COUNT(row), row, sizeof row);
    }
    return count;
}

static ovp_idx precision_rows(const lazy_1d_net *net, ovp_store_cell *cells, char (*text)[SHAPE], void *scratch) {
    static const ovp_idx steps[GAP_ROWS] = {1, 10, 100, 500, LAZY_1D_GAP_STEPS};
    ovp_idx k = 0;
    (void)text, (void)scratch;
    for (; k < GAP_ROWS && steps[k] <= net->lab->setup.steps; k++) {
        const double narrow = net->losses[steps[k] - 1], wide = net->twin_losses[steps[k] - 1];
        const ovp_store_cell row[] = {
            ovp_cell_int(net->member),
            ovp_cell_int(steps[k]),
            ovp_cell_finite(narrow),
            ovp_cell_finite(wide),
            ovp_cell_finite(fabs(narrow / wide - 1)),
            ovp_cell_int(net->width),
            ovp_cell_int(net->seed),
        };
        memcpy(cells + k * COUNT(row), row, sizeof row);
    }
    return k;
}

/* All finished nets' rows of one table together; most: of a net. */
static ovp_status put_table(const lazy_1d_lab *lab, const char *name, ovp_idx columns, ovp_idx most, rows_of fill) {
    ovp_status status = OVP_OK;
    ovp_store_cell *cells = NULL;
    char(*text)[SHAPE] = NULL;
    void *scratch = NULL;
    ovp_idx rows = 0, parameters = 0;
    for (ovp_idx i = 0; i < lab->count; i++) {
        const ovp_idx own = lab->nets[i].finished ? ovp_net_model_parameters(lab->nets[i].net.model) : 0;
        parameters = own > parameters ? own : parameters;
    }
    OVP_TRY(ovp_alloc(lab->ctx, &cells, lab->count * most * columns, sizeof *cells));
    OVP_TRY(ovp_alloc(lab->ctx, &text, lab->count * most, sizeof *text));
    OVP_TRY(ovp_alloc(lab->ctx, &scratch, 2 * parameters, ovp_numeric_type_size(lab->setup.type)));
    for (ovp_idx i = 0; i < lab->count; i++)
        if (lab->nets[i].finished) rows += fill(&lab->nets[i], cells + rows * columns, text + rows, scratch);
    OVP_TRY(ovp_run_rows(lab->run, name, rows, cells));
done:
    ovp_free(lab->ctx, scratch);
    ovp_free(lab->ctx, text);
    ovp_free(lab->ctx, cells);
    return status;
}

static ovp_status keep_net(const lazy_1d_net *net) {
    const lazy_1d_data *data = &net->lab->data[net->seed_at];
    char prefix[96], name[48];
    ovp_status status = OVP_OK;
    if (net->diverged_at)
        return ovp_run_warning(
            net->lab->run, "width %lld, seed %lld, member %lld diverged at step %lld; a smaller --lr trains it",
            (long long)net->width, (long long)net->seed, (long long)net->member, (long long)net->diverged_at);
    snprintf(prefix, sizeof prefix, "width%lld.seed%lld.member%lld", (long long)net->width, (long long)net->seed,
             (long long)net->member);
    snprintf(name, sizeof name, "data.seed%lld", (long long)net->seed);
    const study_kept kept = {.net = &net->net, .targets = &data->targets, .data = name, .loss = net->final_loss};
    OVP_TRY(study_keep_net(net->lab->run, prefix, &kept, net->net.model, net->net.theta));
    OVP_TRY(study_keep_data(net->lab->run, name, net->lab->setup.type, net->lab->setup.n, 1, data->set.x.data, 1,
                            &data->targets));
done:
    return status;
}

static ovp_status put_nets(const lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    ovp_idx tensors;
    (void)ovp_net_model_slices(lab->nets[0].net.model, &tensors); /* as many in every net */
    OVP_TRY(put_table(lab, "models", 13, 1, model_rows));
    OVP_TRY(put_table(lab, "tensors", 8, tensors, tensor_rows));
    OVP_TRY(put_table(lab, "timings", 5, 1, timing_rows));
    if (lab->setup.gap) OVP_TRY(put_table(lab, "precision", 7, GAP_ROWS, precision_rows));
    for (ovp_idx i = 0; i < lab->count; i++)
        if (lab->nets[i].finished) OVP_TRY(keep_net(&lab->nets[i]));
done:
    return status;
}

/* ---- arrays -------------------------------------------------------------------------------------- */

typedef const double *(*row_of)(const lazy_1d_net *net);
static const double *losses_of(const lazy_1d_net *net) {
    return net->losses;
}
static const double *movement_of(const lazy_1d_net *net) {
    return net->movement;
}
static const double *step_size_of(const lazy_1d_net *net) {
    return net->step_size;
}
static const double *start_of(const lazy_1d_net *net) {
    return net->start;
}
static const double *end_of(const lazy_1d_net *net) {
    return net->end;
}

/* One row a finished net, as in table models, of every stride-th value. */
static ovp_status put_rows(const lazy_1d_lab *lab, const char *name, row_of row, ovp_idx values, ovp_idx stride) {
    ovp_status status = OVP_OK;
    const ovp_idx cols = (values + stride - 1) / stride;
    double *data = NULL;
    ovp_idx rows = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &data, lab->count * cols, sizeof *data));
    for (ovp_idx i = 0; i < lab->count; i++) {
        if (!lab->nets[i].finished) continue;
        for (ovp_idx k = 0; k < cols; k++) data[rows * cols + k] = row(&lab->nets[i])[k * stride];
        rows++;
    }
    if (rows > 0) OVP_TRY(study_put(lab->run, name, OVP_F64, rows, cols, data));
done:
    ovp_free(lab->ctx, data);
    return status;
}

static ovp_status put_keys(const lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx stride = lab->setup.record_every > 0 ? lab->setup.record_every : 1;
    const ovp_idx losses = (lab->setup.steps + stride - 1) / stride;
    int64_t *keys = NULL;
    ovp_idx rows = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &keys, 3 * lab->count + losses, sizeof *keys));
    int64_t *seeds = keys + lab->count, *members = seeds + lab->count, *steps = members + lab->count;
    for (ovp_idx i = 0; i < lab->count; i++) {
        if (!lab->nets[i].finished) continue;
        keys[rows] = lab->nets[i].width;
        seeds[rows] = lab->nets[i].seed;
        members[rows++] = lab->nets[i].member;
    }
    for (ovp_idx k = 0; k < losses; k++) steps[k] = 1 + k * stride;
    if (rows == 0) goto done;
    OVP_TRY(study_put(lab->run, "width", OVP_I64, rows, 0, keys));
    OVP_TRY(study_put(lab->run, "seed", OVP_I64, rows, 0, seeds));
    OVP_TRY(study_put(lab->run, "member", OVP_I64, rows, 0, members));
    if (stride > 1) OVP_TRY(study_put(lab->run, "loss_steps", OVP_I64, losses, 0, steps));
done:
    ovp_free(lab->ctx, keys);
    return status;
}

static ovp_status put_data(const lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx n = lab->setup.n;
    double *values = NULL;
    OVP_TRY(ovp_alloc(lab->ctx, &values, 2 * lab->seed_count * n, sizeof *values));
    double *y = values + lab->seed_count * n;
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        memcpy(values + s * n, lab->data[s].x64, (size_t)n * sizeof *values);
        memcpy(y + s * n, lab->data[s].y64, (size_t)n * sizeof *values);
    }
    OVP_TRY(study_put(lab->run, "x", OVP_F64, lab->seed_count, n, values));
    OVP_TRY(study_put(lab->run, "y", OVP_F64, lab->seed_count, n, y));
    OVP_TRY(study_put(lab->run, "grid", OVP_F64, LAZY_1D_GRID, 0, lab->grid64));
    OVP_TRY(study_put(lab->run, "target", OVP_F64, LAZY_1D_GRID, 0, lab->data[0].f));
done:
    ovp_free(lab->ctx, values);
    return status;
}

static ovp_status put_arrays(const lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx every = lab->setup.record_every;
    OVP_TRY(put_rows(lab, "loss", losses_of, lab->setup.steps, every > 0 ? every : 1));
    OVP_TRY(put_rows(lab, "movement", movement_of, lab->record_count, 1));
    OVP_TRY(put_rows(lab, "step_size", step_size_of, lab->record_count, 1));
    OVP_TRY(study_put(lab->run, "movement_steps", OVP_I64, lab->record_count, 0, lab->records));
    OVP_TRY(put_rows(lab, "function_init", start_of, LAZY_1D_GRID, 1));
    OVP_TRY(put_rows(lab, "function_end", end_of, LAZY_1D_GRID, 1));
    OVP_TRY(put_keys(lab));
    OVP_TRY(put_data(lab));
done:
    return status;
}

/* ---- theory -------------------------------------------------------------------------------------- */

static ovp_status put_theory(const lazy_1d_lab *lab) {
    enum { COLUMNS = 6 };
    ovp_status status = OVP_OK;
    const lazy_1d_setup *s = &lab->setup;
    ovp_store_cell *cells = NULL;
    ovp_idx rows = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &cells, lab->count * COLUMNS, sizeof *cells));
    for (ovp_idx i = 0; i < lab->count; i++) {
        const lazy_1d_net *net = &lab->nets[i];
        const lazy_1d_data *data = &lab->data[net->seed_at];
        lazy_1d_prediction p;
        if (net->member > 0) continue;
        OVP_TRY(lazy_1d_predict(&p, lab->ctx, s->n, data->x64, data->y64, (double)net->width, s->lr, s->steps));
        const ovp_store_cell row[COLUMNS] = {ovp_cell_int(net->width),    ovp_cell_int(net->seed),
                                             ovp_cell_finite(p.moved[0]), ovp_cell_finite(p.moved[1]),
                                             ovp_cell_finite(p.moved[2]), ovp_cell_finite(p.loss)};
        memcpy(cells + COLUMNS * rows++, row, sizeof row);
    }
    OVP_TRY(ovp_run_rows(lab->run, "lazy-theory", rows, cells));
done:
    ovp_free(lab->ctx, cells);
    return status;
}

static ovp_status fit(lazy_1d_exponents *out, const lazy_1d_lab *lab) {
    ovp_status status = OVP_OK;
    const ovp_idx seeds = lab->seed_count;
    OVP_TRY(ovp_alloc(lab->ctx, &out->measured[0], (2 * LAZY_1D_MEASURES + 1) * seeds, sizeof *out->measured[0]));
    for (int m = 0; m < LAZY_1D_MEASURES; m++) {
        out->measured[m] = out->measured[0] + m * seeds;
        out->predicted[m] = out->measured[0] + (LAZY_1D_MEASURES + m) * seeds;
        OVP_TRY(study_exponents(out->measured[m], NULL, lab->run,
                                &(study_query){.table = "models", .x = "width", .y = lazy_1d_measures[m]}));
        OVP_TRY(study_exponents(out->predicted[m], NULL, lab->run,
                                &(study_query){.table = "lazy-theory", .x = "width", .y = lazy_1d_measures[m]}));
    }
    out->steps_to_loss = out->measured[0] + 2 * LAZY_1D_MEASURES * seeds;
    OVP_TRY(study_exponents(out->steps_to_loss, NULL, lab->run,
                            &(study_query){.table = "models", .x = "width", .y = "steps_to_loss"}));
done:
    return status;
}

static ovp_status put_exponents(const lazy_1d_lab *lab, const lazy_1d_exponents *e) {
    enum { COLUMNS = 4 };
    ovp_status status = OVP_OK;
    ovp_store_cell *cells = NULL;
    ovp_idx rows = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &cells, lab->seed_count * (LAZY_1D_MEASURES + 1) * COLUMNS, sizeof *cells));
    for (ovp_idx s = 0; s < lab->seed_count; s++)
        for (int m = 0; m <= LAZY_1D_MEASURES; m++) {
            const int steps = m == LAZY_1D_MEASURES;
            const double measured = steps ? e->steps_to_loss[s] : e->measured[m][s];
            const ovp_store_cell row[COLUMNS] = {
                ovp_cell_int(lab->seeds[s]),
                ovp_cell_text(steps ? "steps_to_loss" : lazy_1d_measures[m]),
                ovp_cell_finite(measured),
                steps ? ovp_cell_null() : ovp_cell_finite(e->predicted[m][s]),
            };
            if (isfinite(measured)) memcpy(cells + COLUMNS * rows++, row, sizeof row);
        }
    OVP_TRY(ovp_run_rows(lab->run, "exponents", rows, cells));
done:
    ovp_free(lab->ctx, cells);
    return status;
}

/* ---- quantities over seeds ----------------------------------------------------------------------- */

/* Sum over the grid of the members' variances (times their number less one) for the nets of one seed and width. */
static double scatter(const lazy_1d_net *nets, ovp_idx count, ovp_idx width, row_of row, ovp_idx *used) {
    double sum = 0;
    *used = 0;
    for (ovp_idx i = 0; i < count; i++) *used += nets[i].width == width && nets[i].finished && !nets[i].diverged_at;
    for (ovp_idx k = 0; *used > 1 && k < LAZY_1D_GRID; k++) {
        double mean = 0;
        for (int pass = 0; pass < 2; pass++)
            for (ovp_idx i = 0; i < count; i++) {
                if (nets[i].width != width || !nets[i].finished || nets[i].diverged_at) continue;
                const double value = row(&nets[i])[k];
                if (pass == 0)
                    mean += value / (double)*used;
                else
                    sum += (value - mean) * (value - mean);
            }
    }
    return sum;
}

void lazy_1d_spread(double *per_seed, const lazy_1d_lab *lab) {
    for (ovp_idx s = 0; s < lab->seed_count; s++) {
        const lazy_1d_net *nets = lab->nets + s * lab->per_seed;
        double start = 0, end = 0;
        for (ovp_idx i = 0; i < lab->per_seed; i++) {
            ovp_idx used;
            if (nets[i].member > 0) continue; /* each width once */
            start += scatter(nets, lab->per_seed, nets[i].width, start_of, &used);
            end += scatter(nets, lab->per_seed, nets[i].width, end_of, &used);
        }
        per_seed[s] = start > 0 ? sqrt(end / start) : (double)NAN;
    }
}

/* Mean over a seed's nets (of one width; 0: all) of log(over / under); NaN without one. */
static double mean_log(const lazy_1d_lab *lab, ovp_idx s, ovp_idx width, double (*ratio)(const lazy_1d_net *net)) {
    double sum = 0;
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < lab->per_seed; i++) {
        const lazy_1d_net *net = &lab->nets[s * lab->per_seed + i];
        const double value = log(ratio(net));
        if ((width > 0 && net->width != width) || !isfinite(value)) continue;
        sum += value;
        count++;
    }
    return count ? sum / (double)count : (double)NAN;
}

static double bias_over_all(const lazy_1d_net *net) {
    return net->moved_published / net->moved[0];
}
static double all_of(const lazy_1d_net *net) {
    return net->moved[0];
}

static ovp_idx widest(const lazy_1d_lab *lab) {
    ovp_idx width = 0;
    for (ovp_idx i = 0; i < lab->per_seed; i++) width = lab->nets[i].width > width ? lab->nets[i].width : width;
    return width;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static const double margin = .1;

void lazy_1d_judge_falls(study_verdict *out, const double *exponents, ovp_idx seeds) {
    const ovp_measure_interval all = study_over_seeds(exponents, seeds);
    study_verdict_fill(out, "Wider nets move less, relative to where they start", all, NAN, study_judge_below(all, 0),
                       "Exponent of movement_all against width, a least-squares line in log-log for each seed; mean "
                       "and 95 %% Student t interval over seeds. Holds if the whole interval is below 0.");
}

void lazy_1d_judge_exponent(study_verdict *out, int measure, const double *exponents, const double *predicted,
                            ovp_idx seeds) {
    static const char *const claims[LAZY_1D_MEASURES] = {
        "The movement of all parameters scales with the width as linearised training predicts",
        "The movement of the last layer scales with the width as linearised training predicts",
        "The movement of the output bias scales with the width as linearised training predicts"};
    const ovp_measure_interval all = study_over_seeds(exponents, seeds), theory = study_over_seeds(predicted, seeds);
    study_verdict_fill(out, claims[measure], all, theory.mean, ovp_experiment_judge_near(all, theory.mean, margin),
                       "Exponent of %s against width for each seed; predicted: the same fit to the movement that "
                       "linearised training gives these nets on these data (table lazy-theory), mean over seeds. Holds "
                       "if the whole interval lies within 0.1 of it, fails if it lies outside, else unclear.",
                       lazy_1d_measures[measure]);
}

void lazy_1d_judge_ratio(study_verdict *out, ovp_idx width, const double *ratios, ovp_idx seeds) {
    const ovp_measure_interval all = study_over_seeds(ratios, seeds);
    study_verdict_fill(out, "The widest nets move as far as linearised training predicts", all, 1,
                       ovp_experiment_judge_near(all, 1, margin),
                       "movement_all of width %lld over its prediction (no factor is fitted), geometric mean over "
                       "members for each seed. Holds if the whole interval over seeds lies within 0.1 of 1.",
                       (long long)width);
}

void lazy_1d_judge_steps(study_verdict *out, const double *exponents, ovp_idx seeds, double target_loss) {
    const ovp_measure_interval all = study_over_seeds(exponents, seeds);
    char loss[32];
    ovp_experiment_short(loss, target_loss);
    study_verdict_fill(out, "Wider nets need fewer steps to the target loss", all, NAN, study_judge_below(all, 0),
                       "Exponent of steps_to_loss (loss %s) against width for each seed, over the nets that reached "
                       "it. Holds if the whole interval over seeds is below 0.",
                       loss);
}

void lazy_1d_judge_spread(study_verdict *out, const double *spreads, ovp_idx seeds) {
    const ovp_measure_interval all = study_over_seeds(spreads, seeds);
    study_verdict_fill(out, "Training brings the functions of different initialisations together", all, NAN,
                       study_judge_below(all, 1),
                       "Root mean square deviation of the members' functions from their mean over the grid, after "
                       "training over before it, for each seed. Holds if the whole interval over seeds is below 1, "
                       "fails if it lies above.");
}

void lazy_1d_judge_published(study_verdict *out, const double *ratios, ovp_idx seeds) {
    const ovp_measure_interval all = study_over_seeds(ratios, seeds);
    study_verdict_fill(out, "The output bias, which the notebook measured, moves more than the net as a whole", all,
                       NAN, ovp_experiment_judge_above(all, 0),
                       "Mean of ln(movement_published / movement_all) over a seed's nets. Holds if the whole interval "
                       "over seeds is above 0: then the published measure overstates how far the net moves.");
}

static ovp_status judge_widths(const lazy_1d_lab *lab, const lazy_1d_exponents *e, double *scratch) {
    ovp_status status = OVP_OK;
    const ovp_idx seeds = lab->seed_count, width = widest(lab);
    study_verdict verdict;
    lazy_1d_judge_falls(&verdict, e->measured[0], seeds);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    for (int m = 0; lazy_1d_predicts(&lab->setup) && m < LAZY_1D_MEASURES; m++) {
        lazy_1d_judge_exponent(&verdict, m, e->measured[m], e->predicted[m], seeds);
        OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    }
    lazy_1d_judge_steps(&verdict, e->steps_to_loss, seeds, lab->setup.target_loss);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    if (!lazy_1d_predicts(&lab->setup)) return OVP_OK;
    const study_query query = {.table = "lazy-theory",
                               .x = "width",
                               .y = "movement_all",
                               .where = {{.column = "width", .value = (double)width}}};
    OVP_TRY(study_seed_means(scratch, lab->run, &query));
    for (ovp_idx s = 0; s < seeds; s++) scratch[s] = exp(mean_log(lab, s, width, all_of)) / scratch[s];
    lazy_1d_judge_ratio(&verdict, width, scratch, seeds);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
done:
    return status;
}

static ovp_status judge(const lazy_1d_lab *lab, const lazy_1d_exponents *e) {
    ovp_status status = OVP_OK;
    study_verdict verdict;
    double *values = NULL;
    int several = 0;
    OVP_TRY(ovp_alloc(lab->ctx, &values, lab->seed_count, sizeof *values));
    for (ovp_idx k = 1; k < lab->setup.width_count; k++) several |= lab->setup.widths[k] != lab->setup.widths[0];
    if (several) OVP_TRY(judge_widths(lab, e, values));
    if (lab->setup.members > 1) {
        lazy_1d_spread(values, lab);
        lazy_1d_judge_spread(&verdict, values, lab->seed_count);
        OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
    }
    for (ovp_idx s = 0; s < lab->seed_count; s++) values[s] = mean_log(lab, s, 0, bias_over_all);
    lazy_1d_judge_published(&verdict, values, lab->seed_count);
    OVP_TRY(ovp_run_verdict(lab->run, &verdict.verdict));
done:
    ovp_free(lab->ctx, values);
    return status;
}

ovp_status lazy_1d_conclude(lazy_1d_lab *lab) {
    static const char *const settings[] = {"width"};
    static const char *const measures[] = {"initial_loss",         "final_loss", "movement_all",  "movement_last_layer",
                                           "movement_output_bias", "risk",       "steps_to_loss", "movement_published"};
    ovp_status status = OVP_OK;
    lazy_1d_exponents exponents = {.steps_to_loss = NULL};
    OVP_TRY(put_nets(lab));
    OVP_TRY(put_arrays(lab));
    OVP_TRY(ovp_run_summary(lab->run, "models", "models-summary", settings, 1, measures, COUNT(measures)));
    if (lazy_1d_predicts(&lab->setup)) OVP_TRY(put_theory(lab));
    OVP_TRY(fit(&exponents, lab));
    OVP_TRY(put_exponents(lab, &exponents));
    OVP_TRY(judge(lab, &exponents));
    OVP_TRY(lazy_1d_figures(lab, &exponents));
done:
    ovp_free(lab->ctx, exponents.measured[0]);
    return status;
}
