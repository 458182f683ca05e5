/* Inside kernel: one computation of an empirical NTK. */
#ifndef OVP_KERNEL_INT_H
#define OVP_KERNEL_INT_H

#include <overparam/kernel.h>

typedef struct ovp_kernel_job {
    ovp_ctx *ctx;
    const ovp_net_model *model;
    const char *theta;
    ovp_idx rows[2]; /* of X and X' */
    const char *x[2];
    int symmetric, mean;
    ovp_idx block;  /* rows of X or X' at a time */
    ovp_idx groups; /* rows of out a sample: c, or 1 for the mean over outputs */
    double *out;    /* (rows[0] groups) x (rows[1] groups) */
} ovp_kernel_job;

/* Rows first .. first + count - 1 of side 0 (X) or 1 (X'), bound. */
ovp_status ovp_kernel_bind_rows(ovp_net_batch **out, const ovp_kernel_job *job, int side, ovp_idx first, ovp_idx count);

/* By terms (gate_scale g_i . g_j + gate_add) (m_ia . m_jb) of vectors a sample (gate) and a sample and output (main):
 * the layers' factors, or the rows of the Jacobian (one term, no gate). */
ovp_status ovp_kernel_ntk_factors(const ovp_kernel_job *job);
ovp_status ovp_kernel_ntk_jacobian(const ovp_kernel_job *job);
/* Column by column. */
ovp_status ovp_kernel_ntk_products(const ovp_kernel_job *job);

#endif
