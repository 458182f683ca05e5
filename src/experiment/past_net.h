/* experiment, internal: nets that an earlier run kept in its weights.npz, built again with the data they were trained
 * on. What study_keep.c wrote is read here as what it is: a file from outside. */
#ifndef OVP_PAST_NET_H
#define OVP_PAST_NET_H

#include "past_run.h"
#include "study.h"

/* A set of training data, as the nets' run had it, in one type. */
typedef struct past_data {
    const char *name;                       /* the description's */
    ovp_numeric_array x;                    /* rows x inputs */
    ovp_numeric_array y;                    /* rows labels (i32), or rows x outputs */
    ovp_idx rows, inputs, outputs, classes; /* classes 0: real targets */
} past_data;

/* The weights of one run. Free with past_weights_free. */
typedef struct past_weights {
    char *path, *label; /* of the npz; the run's id, or the path as given */
    ovp_io_named_array *arrays;
    ovp_idx count;
    json_t *description, *nets; /* nets: borrowed from description */
    past_data data;             /* the set of the net built last: nets of one run mostly share it */
} past_weights;
/* run: an id, the start of one, "latest" (the newest run with such nets), the path of a run folder or of an .npz file.
 * Errors: OVP_ENOTFOUND, OVP_EFORMAT (no weights kept, a description that does not tell how nets are built), and those
 * of reading. */
ovp_status past_weights_open(past_weights *out, ovp_ctx *ctx, const char *run);
void past_weights_free(ovp_ctx *ctx, past_weights *weights);

/* A net at its kept weights. Free with past_net_free. */
typedef struct past_net {
    ovp_net_model *model;
    void *theta, *read_in, *read_out;
    ovp_idx rows, classes; /* training rows taken; 0: real targets */
    const void *x;         /* rows x inputs; of the weights' data, as targets' values */
    ovp_net_targets targets;
    double recorded_loss; /* the last one of its training; NaN: not recorded */
} past_net;
/* The net `name` in this type, values widened or rounded, with the first `samples` training rows (0 or more than there
 * are: all). It borrows from weights, until the next call with them. Errors: OVP_EFORMAT (what the description says is
 * not possible, names what), OVP_ESHAPE (a weight of another shape than the net's), OVP_ENOTFOUND (no such net, data
 * not kept or no longer what they were), and those of building and loading. */
ovp_status past_net_build(past_net *out, ovp_ctx *ctx, past_weights *weights, const char *name, ovp_numeric_type type,
                          const char *engine, ovp_idx samples);
void past_net_free(ovp_ctx *ctx, past_net *net);

#endif
