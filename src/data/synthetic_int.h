/* Inside data: what a synthetic set is made of. */
#ifndef OVP_DATA_SYNTHETIC_INT_H
#define OVP_DATA_SYNTHETIC_INT_H

#include <overparam/data.h>

/* The work on one set: options checked, `set` being filled. */
typedef struct ovp_data_maker {
    ovp_ctx *ctx;
    ovp_data_synthetic_set *set;
    const ovp_data_synthetic_options *options;
} ovp_data_maker;

typedef struct ovp_data_synthetic_kind {
    /* Changes what differs from the defaults of `linear`. */
    void (*defaults)(ovp_data_synthetic_options *options);
    /* What only this kind can judge; NULL: nothing. */
    ovp_status (*check)(ovp_ctx *ctx, const char *name, const ovp_data_synthetic_options *options);
    /* Draws what the targets depend on, before any inputs; NULL: nothing. */
    ovp_status (*begin)(ovp_data_maker *maker);
    /* Draws *rows inputs x (rows x features) and noise (rows x outputs, zeroed); may keep fewer rows. NULL: inputs,
     * then noise, each at once. */
    ovp_status (*draw)(ovp_data_maker *maker, ovp_idx *rows, double *x, double *noise);
    /* Noiseless targets y (rows x outputs) at x (rows x features); reads nothing of the options. */
    ovp_status (*targets)(const ovp_data_synthetic_set *set, ovp_ctx *ctx, ovp_idx rows, const double *x, double *y);
    int one_dimensional; /* features and outputs are 1, inputs uniform */
    int always_noise;    /* noise is drawn also where it is 0 */
} ovp_data_synthetic_kind;

typedef enum ovp_data_draw { OVP_DRAW_UNIFORM, OVP_DRAW_NORMAL } ovp_data_draw;

/* n numbers, widened; uniform on [a, b) or normal with mean a and standard deviation b. type is the type torch would
 * draw them in. Independent of what was drawn before (philox streams are aligned). */
void ovp_data_draw_numbers(ovp_numeric_rng *rng, ovp_data_draw what, ovp_numeric_type type, ovp_idx n, double a,
                           double b, double *out);
/* v in the type of the set. */
double ovp_data_in_type(ovp_numeric_type type, double v);

#endif
