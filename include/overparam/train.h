/* train: optimisers as init / step / test; the caller owns the loop and measures between steps. */
#ifndef OVERPARAM_TRAIN_H
#define OVERPARAM_TRAIN_H

#include <overparam/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Set size = sizeof(ovp_train_options). optimiser "sgd" (full batch: gradient descent). As torch.optim.SGD. */
typedef struct ovp_train_options {
    size_t size;
    const char *optimiser;
    double lr, momentum, dampening, weight_decay;
    int nesterov;
} ovp_train_options;

typedef struct ovp_train ovp_train;

/* Trainer in *out over a model, its workspace and one batch with targets (all borrowed, as is theta, P values updated
 * in place). Free with ovp_train_free. Errors: OVP_EINVAL (lr <= 0 or not finite, momentum outside [0,1), nesterov
 * without momentum or with dampening, negative weight decay, unknown optimiser), OVP_ENOMEM. */
OVP_API ovp_status ovp_train_create(ovp_train **out, ovp_ctx *ctx, const ovp_net_model *model,
                                    ovp_net_workspace *workspace, const ovp_net_batch *batch,
                                    const ovp_net_targets *targets, const ovp_train_options *options, void *theta);
OVP_API void ovp_train_free(ovp_train *train);

/* One update; *loss (may be NULL) is the loss before it. Allocates nothing. */
OVP_API ovp_status ovp_train_step(ovp_train *train, double *loss);

typedef enum ovp_train_state { OVP_TRAIN_RUNNING, OVP_TRAIN_DIVERGED } ovp_train_state;
/* State after the last step: diverged once a loss was not finite. *step (may be NULL) = updates done, or the step whose
 * loss was the first not to be finite (1-based). */
OVP_API ovp_train_state ovp_train_test(const ovp_train *train, ovp_idx *step);

#ifdef __cplusplus
}
#endif
#endif
