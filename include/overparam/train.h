/* train: optimisers as init / step / test; the caller owns the loop and measures between steps. docs/training.md tells
 * the whole with examples. */
#ifndef OVERPARAM_TRAIN_H
#define OVERPARAM_TRAIN_H

#include <overparam/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- options ------------------------------------------------------------------------------------- */

/* The learning rate as a function of t = 0, 1, .., the steps since creation or restart; lr is the options' or
 * ovp_train_set_lr's. Names (t' = t - warm_up):
 * "constant" (default): lr.
 * "step": lr gamma^floor(t' / every), torch's StepLR(step_size = every).
 * "multi-step": lr gamma^(number of milestones <= t'), MultiStepLR; milestones ascending, copied.
 * "exponential": lr gamma^t', ExponentialLR.
 * "cosine": end + (lr - end) (1 + cos(pi t' / length)) / 2, CosineAnnealingLR(T_max = length, eta_min = end); from t' =
 *   length on it stays at end, where torch's would rise again.
 * All with a linear warm-up before them: lr (start + (1 - start) t / warm_up) while t < warm_up, that is
 * SequentialLR([LinearLR(start_factor = start, total_iters = warm_up), schedule], milestones = [warm_up]). */
typedef struct ovp_train_schedule {
    const char *name;
    ovp_idx every;             /* >= 1 */
    const ovp_idx *milestones; /* >= 1 each */
    ovp_idx milestone_count;
    double gamma; /* 0 < gamma <= 1 */
    ovp_idx length;
    double end;
    ovp_idx warm_up;      /* 0: none */
    double warm_up_start; /* 0..1; torch's default is 1/3 */
} ovp_train_schedule;

/* When ovp_train_test stops saying "running"; zero fields ask for nothing. Losses are those of the steps: before the
 * update, with mini-batches of the mini-batch. A stop is only told: a caller may go on. */
typedef struct ovp_train_stop {
    ovp_idx max_steps;
    double target_loss; /* loss < target_loss */
    /* `patience` steps in a row without loss < best (1 - threshold), counted as by ReduceLROnPlateau (mode "min",
     * threshold_mode "rel"; its default threshold is 1e-4). */
    ovp_idx patience;
    double threshold; /* 0 <= threshold < 1 */
} ovp_train_stop;

/* Mini-batches: which rows of the batch a step takes. size 0: all of them in every step. Orders:
 * "philox" (default): each epoch a fresh permutation of stream (seed, OVP_PURPOSE_BATCH, index); batches are its
 *   consecutive pieces, the last one may be short.
 * "torch": each epoch the order of `loader` (torch.utils.data.DataLoader; its n is the batch's rows), likewise.
 * "cycle": order[pos .. min(pos + size, n)), never wrapping; then pos = (pos + size) mod n, and if the old pos + size >
 *   n the order, at first 0..n-1, is shuffled by `rng` (as numpy.random.shuffle(order) for a numpy stream). With size =
 *   n that is the full batch. size may exceed n.
 * "given": steps are made by ovp_train_step_rows alone. size: the most rows of a step.
 * seed and index are copied; rng and the loader's streams are borrowed and belong to this trainer alone while it runs.
 */
typedef struct ovp_train_batches {
    ovp_idx size;
    const char *order;
    int drop_last; /* "philox", "torch": epochs end before a short batch */
    int64_t seed;
    uint64_t index;
    ovp_numeric_rng *rng;
    const ovp_numeric_torch_loader *loader; /* copied */
} ovp_train_batches;

/* Set size = sizeof(ovp_train_options). optimiser "sgd" (default; full batch: gradient descent), "adam", "adamw",
 * "rmsprop", "adagrad": torch.optim's of version 1.13, the rules at ovp_net_update. momentum: sgd, rmsprop; dampening,
 * nesterov: sgd; beta1: adam, adamw; beta2: these and rmsprop (its alpha); eps: all but sgd. beta1, beta2, eps 0:
 * torch's defaults .9, .999 (rmsprop .99), 1e-8 (adagrad 1e-10). weight_decay 0 is none, also for adamw (torch's
 * default there: .01). */
typedef struct ovp_train_options {
    size_t size;
    const char *optimiser;
    double lr, momentum, dampening, weight_decay;
    int nesterov;
    double beta1, beta2, eps;
    ovp_train_schedule schedule;
    ovp_train_stop stop;
    ovp_train_batches batches;
    const uint8_t *mask; /* NULL, or P bytes, borrowed: 0 keeps that parameter where it is */
} ovp_train_options;

/* The options alone, before any work. Errors: OVP_EINVAL naming the option, its value and the range: lr <= 0 or not
 * finite, momentum outside [0,1), nesterov without momentum or with dampening, an option the optimiser or the schedule
 * does not know, unknown names, a missing stream. */
OVP_API ovp_status ovp_train_check(ovp_ctx *ctx, const ovp_train_options *options);
/* Bytes the optimiser keeps besides theta, for refusing before work. options as ovp_train_check passes them. */
OVP_API int64_t ovp_train_memory(const ovp_train_options *options, ovp_idx parameters, ovp_numeric_type type);

/* ---- one training -------------------------------------------------------------------------------- */

typedef struct ovp_train ovp_train;

/* Trainer in *out over a model, its workspace and one batch with targets (all borrowed, as is theta, P values updated
 * in place). Free with ovp_train_free. Errors: those of ovp_train_check, OVP_EINVAL (batches that do not fit the rows),
 * OVP_ENOMEM. */
OVP_API ovp_status ovp_train_create(ovp_train **out, ovp_ctx *ctx, const ovp_net_model *model,
                                    ovp_net_workspace *workspace, const ovp_net_batch *batch,
                                    const ovp_net_targets *targets, const ovp_train_options *options, void *theta);
OVP_API void ovp_train_free(ovp_train *train);

/* One update; *loss (may be NULL) is the loss before it. Allocates nothing. Errors: those of ovp_net_loss_step (the
 * step then does not count; theta may be updated in part), OVP_EINVAL (order "given"). */
OVP_API ovp_status ovp_train_step(ovp_train *train, double *loss);
/* The same on rows[0..count-1] of the batch; an order of the trainer's own stays where it is. OVP_EINVAL: no
 * mini-batches (size 0, or a cycle over all rows), a row outside the batch; OVP_ESHAPE: count outside 1..size. */
OVP_API ovp_status ovp_train_step_rows(ovp_train *train, const int64_t *rows, ovp_idx count, double *loss);
/* Rows of the last step, owned by the trainer until the next; NULL: all in order (or no step yet). */
OVP_API const int64_t *ovp_train_rows(const ovp_train *train, ovp_idx *count);

typedef enum ovp_train_state {
    OVP_TRAIN_RUNNING,
    OVP_TRAIN_DIVERGED,
    OVP_TRAIN_TARGET,
    OVP_TRAIN_PLATEAU,
    OVP_TRAIN_MAX_STEPS
} ovp_train_state;
/* State after the last step: the first reason to stop that came true, though diverged (a loss was not finite) replaces
 * any other. *step (may be NULL) = updates done while running, else the step that stopped it (1-based). Steps count
 * from creation or restart. */
OVP_API ovp_train_state ovp_train_test(const ovp_train *train, ovp_idx *step);

/* The lr that the schedule starts from, from the next step on. OVP_EINVAL: not a positive number. */
OVP_API ovp_status ovp_train_set_lr(ovp_train *train, double lr);
/* The rate of the next step: the schedule's value, before slices' lr_scale. */
OVP_API double ovp_train_lr(const ovp_train *train);
/* A new optimiser (and scheduler) on the same theta: moments zero, steps 0, running. The order of mini-batches and lr
 * stay. */
OVP_API void ovp_train_restart(ovp_train *train);

/* ---- state out and in ---------------------------------------------------------------------------- */

/* One named array of a training's state, borrowed from the trainer until its next call. */
typedef struct ovp_train_array {
    const char *name;
    ovp_numeric_type type;
    ovp_idx count;
    const void *data;
} ovp_train_array;

/* Everything but theta: optimiser, schedule, stopping, place in the order of mini-batches and its streams. Fills
 * arrays[0..capacity-1] and returns how many there are; arrays may be NULL for capacity 0. Names: m, v (where the rule
 * has them), step, lr, state, stopped_at, best, waited; with an order also epoch, position, order, rng, generator
 * (bytes of ovp_numeric_rng_save). */
OVP_API ovp_idx ovp_train_state_get(const ovp_train *train, ovp_train_array *arrays, ovp_idx capacity);
/* Goes on where the trainer that gave the arrays stood, with the same bits if theta does so too; borrowed streams are
 * set as well. The trainer was created with the same model, options and rows. Extra arrays are ignored. Errors:
 * OVP_EFORMAT (an array missing, of another type or length, or a value outside its range), OVP_EINVAL (a
 * stream of another kind): nothing is changed then. */
OVP_API ovp_status ovp_train_state_set(ovp_train *train, const ovp_train_array *arrays, ovp_idx count);

/* ---- many small trainings side by side ----------------------------------------------------------- */

/* `steps` steps of each of members[0..count-1], one worker a member; a member that stops running stops alone, one that
 * does not run at the start is left alone. losses (NULL or room for count rows, `stride` apart): losses[i stride + k] =
 * loss of member i's k-th step of this call, NaN after its last. The members are distinct and have workspaces, thetas
 * and streams of their own, made under ctx or its family; models and batches may be shared. Results are the same for
 * any number of threads. A single member uses the threads inside its steps. Allocates nothing after the first call.
 * Errors: that of the lowest member that failed, OVP_EINVAL (a member twice, steps < 0, stride < steps),
 * OVP_EINTERRUPTED. Members keep the steps they made; rows of losses of members not reached stay as they were. */
OVP_API ovp_status ovp_train_run(ovp_ctx *ctx, ovp_train *const *members, ovp_idx count, ovp_idx steps, double *losses,
                                 ovp_idx stride);

#ifdef __cplusplus
}
#endif
#endif
