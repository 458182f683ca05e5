/* Inside train: a trainer, and the parts its steps are made of. */
#ifndef OVP_TRAIN_INT_H
#define OVP_TRAIN_INT_H

#include <overparam/train.h>

/* One optimiser: its rule, what it keeps and which options it knows. */
typedef struct ovp_train_optimiser {
    const char *name;
    ovp_net_rule rule;
    int keeps_m, keeps_v; /* m of sgd and rmsprop: only with momentum */
    int momentum, nesterov, beta1;
    double default_beta1, default_beta2, default_eps; /* 0: has none */
} ovp_train_optimiser;

/* The row of a name (NULL: the default); NULL if unknown. */
const ovp_train_optimiser *ovp_train_optimiser_find(const char *name);
/* A copy of options with every default filled in; `o` of an older caller may be shorter. */
ovp_train_options ovp_train_complete(const ovp_train_options *options);
/* Whether the rule keeps m under these options. */
int ovp_train_keeps_m(const ovp_train_optimiser *optimiser, const ovp_train_options *o);

typedef enum ovp_train_schedule_kind {
    OVP_SCHEDULE_CONSTANT,
    OVP_SCHEDULE_STEP,
    OVP_SCHEDULE_MULTI_STEP,
    OVP_SCHEDULE_EXPONENTIAL,
    OVP_SCHEDULE_COSINE
} ovp_train_schedule_kind;

ovp_status ovp_train_schedule_check(ovp_ctx *ctx, const ovp_train_schedule *s, ovp_train_schedule_kind *kind);
/* The rate of step t; *until (> t) is the first step that may have another. */
double ovp_train_schedule_rate(const ovp_train_schedule *s, ovp_train_schedule_kind kind, double lr, ovp_idx t,
                               ovp_idx *until);

typedef enum ovp_train_order_kind {
    OVP_ORDER_FULL,
    OVP_ORDER_PHILOX,
    OVP_ORDER_TORCH,
    OVP_ORDER_CYCLE,
    OVP_ORDER_GIVEN
} ovp_train_order_kind;

/* The order of mini-batches and where in it the training stands. */
typedef struct ovp_train_order {
    ovp_train_order_kind kind;
    ovp_idx n, size, end; /* end: where an epoch ends, before a dropped short batch */
    ovp_numeric_rng *rng; /* own for philox, else borrowed */
    ovp_numeric_torch_loader loader;
    uint8_t (*saved)[OVP_NUMERIC_RNG_STATE_BYTES]; /* 2: of rng and of the loader's generator, for state_get */
    int64_t *order, *scratch;                      /* n each */
    ovp_idx position, epoch;                       /* epoch: orders drawn so far */
} ovp_train_order;

ovp_status ovp_train_order_check(ovp_ctx *ctx, const ovp_train_batches *b, ovp_train_order_kind *kind);
/* order is zeroed; ovp_train_order_free also after a failure. */
ovp_status ovp_train_order_create(ovp_train_order *order, ovp_ctx *ctx, const ovp_train_batches *b, ovp_idx n);
void ovp_train_order_free(ovp_train_order *order, ovp_ctx *ctx);
/* Rows of the next step, owned by the order until _advance, which is called once the step is made. */
const int64_t *ovp_train_order_next(ovp_train_order *order, ovp_idx *count);
void ovp_train_order_advance(ovp_train_order *order);
struct ovp_train {
    ovp_ctx *ctx;
    ovp_net_workspace *workspace;
    const ovp_net_batch *batch;
    ovp_net_targets targets;
    ovp_net_update update;
    void *theta;
    ovp_idx parameters;
    ovp_numeric_type type;

    ovp_train_schedule schedule;
    ovp_train_schedule_kind schedule_kind;
    ovp_idx *milestones; /* the schedule's own copy */
    double lr;           /* that the schedule starts from; update.lr is the rate */
    ovp_idx rate_until;  /* update.lr holds for steps before this one */

    int corrected;   /* Adam's rules */
    double power[2]; /* beta1^steps, beta2^steps */

    ovp_train_stop stop;
    int64_t state; /* ovp_train_state, in an element of the saved arrays */
    ovp_idx steps, stopped_at, waited;
    double best;

    ovp_train_order order;
    ovp_net_batch *mini;        /* NULL: full batch */
    int64_t *rows, *target_row; /* of the last step; target_row: where the caller's targets have rows of their own */
    ovp_idx capacity, row_count;

    int running; /* a member of a run in progress */
};

/* Rate and powers of beta as they are at `steps`. */
void ovp_train_refresh(ovp_train *t);
/* One step under a context, a worker's perhaps, that the workspace is attached to. */
ovp_status ovp_train_step_under(ovp_train *t, ovp_ctx *ctx, double *loss);

#endif
