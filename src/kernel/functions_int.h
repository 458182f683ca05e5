/* Inside kernel: kernel functions of points and of infinitely wide nets. */
#ifndef OVP_KERNEL_FUNCTIONS_INT_H
#define OVP_KERNEL_FUNCTIONS_INT_H

#include <overparam/kernel.h>

#include "kernel/hot_int.h"
#include "numeric/packed_int.h"
#include "numeric/sparse_int.h"

static inline ovp_idx ovp_kernel_least(ovp_idx a, ovp_idx b) {
    return a < b ? a : b;
}

typedef enum ovp_kernel_convention {
    OVP_CONVENTION_NTK,
    OVP_CONVENTION_SPHERE,
    OVP_CONVENTION_TUTORIAL
} ovp_kernel_convention;

typedef enum ovp_kernel_products { OVP_PRODUCTS_AUTO, OVP_PRODUCTS_DENSE, OVP_PRODUCTS_SPARSE } ovp_kernel_products;

enum { OVP_KERNEL_PROFILE = 64 }; /* most terms */

struct ovp_kernel {
    ovp_ctx *ctx; /* for freeing */
    ovp_kernel_options options;
    ovp_kernel_products products;
    ovp_kernel_point point; /* scale 0: 1 / d */
    double error;
    /* Nets: K_0 = w0 <x, z> + b0 (divided by d where it says so), Theta_0 = that with t0 instead of b0. */
    const ovp_numeric_activation *act;
    ovp_kernel_dual dual;
    ovp_kernel_convention convention;
    int divided, slopes; /* slopes: whether the result needs E[phi' phi'] */
    double left, right;
    double w0, b0, t0;
    double w, b, t;                /* of later layers */
    double value, slope, constant; /* of the last layer */
    ovp_idx profile_terms;         /* 0: layer by layer; else Theta = sqrt(q q') sum_n profile[n] T_n(2 t / pi - 1) */
    double profile[OVP_KERNEL_PROFILE];
};

/* profile.c: fills the profile where there is one, once the rest of a net's kernel is set. */
void ovp_kernel_profile_make(ovp_kernel *kernel);

/* ---- duals.c: expectations over one normal ------------------------------------------------------------ */

/* E phi(u)^2 and E phi'(u)^2, u ~ N(0, q). Errors: OVP_ENUMERIC of quadrature. */
ovp_status ovp_kernel_dual_square(double *out, ovp_ctx *ctx, const ovp_kernel *kernel, double q);
ovp_status ovp_kernel_dual_slope(double *out, ovp_ctx *ctx, const ovp_kernel *kernel, double q);
/* E[phi(u) phi(v)], or of phi', u ~ N(0, q1), v ~ N(0, q2) of correlation c, by quadrature over the plane. */
ovp_status ovp_kernel_dual_plane(double *out, double *error, ovp_ctx *ctx, const ovp_kernel *kernel, int derivative,
                                 double q1, double q2, double c);
/* Kinks of g(root z) and places where it changes quickly, in z; at most OVP_KERNEL_MOST_BREAKS. */
enum { OVP_KERNEL_MOST_BREAKS = 16 };
int ovp_kernel_dual_breaks(double *out, const ovp_numeric_activation *act, double root);

/* ---- series.c: Hermite coefficients -------------------------------------------------------------------- */

/* a_k of g(root z) for many rows: table[k * rows + row], k < terms. rest: root of what the terms left out add up to in
 * E g^2, error of that included; |c|^terms rest rest' bounds the error of sum a_k b_k c^k. */
typedef struct ovp_kernel_series {
    ovp_idx terms, rows;
    double *table, *rest;
} ovp_kernel_series;
/* For phi, or phi' with `derivative`; squares: E g^2 of every row. Starts threads. Freed by the caller, on failure too.
 */
ovp_status ovp_kernel_series_make(ovp_kernel_series *out, ovp_ctx *ctx, const ovp_kernel *kernel, int derivative,
                                  ovp_idx rows, const double *roots, const double *squares);
void ovp_kernel_series_free(ovp_ctx *ctx, ovp_kernel_series *series);

/* ---- rows.c: what is known of every row of one side ----------------------------------------------------- */

/* Of nets: the variances q of one layer's inputs, sqrt(q) and 1 / sqrt(q) (0 for 0), and their E phi^2 and E phi'^2. */
typedef struct ovp_kernel_variances {
    double *root, *inverse, *square, *slope;
    ovp_kernel_series phi, dphi;
} ovp_kernel_variances;

typedef struct ovp_kernel_rows {
    ovp_idx count, d;
    ovp_numeric_type type;
    const char *x;
    const void *shift;           /* of d values of the type, or NULL */
    double *scale;               /* 1 / |x| under `normalise`, else NULL */
    double *square;              /* |x - shift|^2 scale^2 */
    double *diagonal;            /* k(x, x) */
    void *turned;                /* for sparse products with other rows: see ovp_kernel_rows_turn; else NULL */
    void *packed;                /* for dense ones: see ovp_kernel_rows_pack; else NULL */
    double w0;                   /* of the kernel, divided by d where it says so */
    ovp_idx nonzeros;            /* values of x other than 0; not counted with a shift: 0 */
    ovp_kernel_variances *layer; /* 0 .. depth, nets only */
} ovp_kernel_rows;

/* shift NULL: as it is. Errors: OVP_EINVAL, OVP_ENOMEM, OVP_ENUMERIC. */
ovp_status ovp_kernel_rows_make(ovp_kernel_rows *out, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type,
                                ovp_idx d, ovp_idx count, const void *x, const void *shift, const char *name);
/* The same with the mean row as *shift (freed with ovp_free) where distances gain by it; else *shift is NULL. */
ovp_status ovp_kernel_rows_shift(ovp_kernel_rows *out, void **shift, ovp_ctx *ctx, const ovp_kernel *kernel,
                                 ovp_numeric_type type, ovp_idx d, ovp_idx count, const void *x, const char *name);
void ovp_kernel_rows_free(ovp_ctx *ctx, const ovp_kernel *kernel, ovp_kernel_rows *rows);
/* Row i of x. */
const void *ovp_kernel_row(const ovp_kernel_rows *rows, ovp_idx i);

/* ---- sparse.c: products of rows that are mostly zeros ------------------------------------------------------- */

/* Whether these rows, without a shift, are to be multiplied as sparse ones: as the kernel's options say, or by their
 * share of non-zeros. */
int ovp_kernel_is_sparse(const ovp_kernel *kernel, const ovp_kernel_rows *rows);
/* Strips of so many bytes, the same feature of neighbouring rows side by side, d lines a strip, the last padded with
 * zeros. Tiles start at multiples of OVP_KERNEL_ALIGNED rows. */
enum { OVP_KERNEL_STRIP_BYTES = 512, OVP_KERNEL_ALIGNED = 16 };
ovp_status ovp_kernel_rows_turn(ovp_kernel_rows *rows, ovp_ctx *ctx);
/* The non-zeros of rows first .. first + count - 1, in blocks of `tile` rows; freed on failure too. */
ovp_status ovp_kernel_blocks_make(ovp_numeric_sparse **out, ovp_ctx *ctx, const ovp_kernel_rows *rows, ovp_idx first,
                                  ovp_idx count, ovp_idx tile);
void ovp_kernel_blocks_free(ovp_ctx *ctx, ovp_numeric_sparse *blocks, ovp_idx count, ovp_idx tile);

/* ---- dense.c: products of packed rows ------------------------------------------------------------------------ */

/* All rows, less their shift, as right factors of tiles that start at multiples of 32 rows. Freed with ovp_free. */
ovp_status ovp_kernel_rows_pack(void **out, ovp_ctx *ctx, const ovp_kernel_rows *rows);
/* Rows first .. first + count - 1 as left factors, tile by tile (a whole number of slivers each). Freed with ovp_free.
 */
ovp_status ovp_kernel_tiles_pack(void **out, ovp_ctx *ctx, const ovp_kernel_rows *rows, ovp_idx first, ovp_idx count,
                                 ovp_idx tile);
/* Those of tile `index`. */
const void *ovp_kernel_tile_packed(const ovp_ctx *ctx, const ovp_kernel_rows *rows, const void *packed, ovp_idx tile,
                                   ovp_idx index);

/* ---- tile.c, net_tile.c ----------------------------------------------------------------------------------- */

/* Rows first[0] .. of `a` against rows first[1] .. of `b`, to out with leading dimension ld. */
typedef struct ovp_kernel_tile {
    const ovp_kernel *kernel;
    const ovp_kernel_rows *a, *b;
    ovp_idx first[2], count[2];
    char *out;
    ovp_idx ld;
    const ovp_numeric_sparse *sparse; /* these rows of `a`, `b` is turned; NULL: dense products */
    const void *left, *right;         /* and these, and all rows of `b`, packed, for dense ones */
    void *scratch;                    /* 64-byte aligned */
} ovp_kernel_tile;
enum { OVP_KERNEL_TILE = 512 }; /* most rows and columns */
/* Bytes of scratch for tiles with `rows` as their a. */
size_t ovp_kernel_tile_scratch(const ovp_kernel_rows *rows, int sparse);
/* The tile's inner products by its sparse rows; scratch: OVP_KERNEL_TILE lines of a strip. */
void ovp_kernel_tile_sparse(ovp_ctx *worker, const ovp_kernel_tile *tile, void *scratch);
ovp_status ovp_kernel_tile_fill(ovp_ctx *worker, const ovp_kernel_tile *tile);
/* One row of a net's tile: values holds <x, z_j> (normalised) and gets the kernel; line: OVP_KERNEL_LINES lines of
 * OVP_KERNEL_TILE values, then the longest series. */
enum { OVP_KERNEL_LINES = 5 };
ovp_status ovp_kernel_net_row(ovp_ctx *worker, const ovp_kernel_tile *tile, ovp_idx row, void *values, double *line);

/* ---- one side of many matrices (gram.c) ----------------------------------------------------------------------- */

/* The points z of k(x, z) and what was made of them; they and the kernel are borrowed. */
typedef struct ovp_kernel_side {
    const ovp_kernel *kernel;
    ovp_kernel_rows rows;
    void *shift;
} ovp_kernel_side;
/* Closed by the caller, on failure too. name: of the matrix, for messages. Errors: those of ovp_kernel_gram. */
ovp_status ovp_kernel_side_open(ovp_kernel_side *side, ovp_ctx *ctx, const ovp_kernel *kernel, ovp_numeric_type type,
                                ovp_idx d, ovp_idx count, const void *z, const char *name);
void ovp_kernel_side_close(ovp_kernel_side *side, ovp_ctx *ctx);
/* k(x_i, z_j) without the matrix: tiles, columns ascending within each of so many groups of columns, are handed to
 * `visit` in `out` with leading dimension ld; first: of a group, for these rows. By shapes alone which tiles there are;
 * tiles of other rows or groups are visited at the same time. Errors: those of ovp_kernel_gram, OVP_EINTERRUPTED. */
typedef void (*ovp_kernel_visitor)(void *user, ovp_idx group, int first, const ovp_kernel_tile *tile);
ovp_idx ovp_kernel_visit_groups(ovp_idx rows, ovp_idx others);
ovp_status ovp_kernel_side_visit(ovp_ctx *ctx, const ovp_kernel_side *side, ovp_idx rows, const void *x,
                                 ovp_kernel_visitor visit, void *user);
/* OVP_OK, or OVP_EINVAL: type neither f32 nor f64, d or a number of points below 1. */
ovp_status ovp_kernel_check_shape(ovp_ctx *ctx, ovp_numeric_type type, ovp_idx d, ovp_idx rows, ovp_idx others);

/* ---- products without the matrix (apply.c) -------------------------------------------------------------------- */

/* Columns wanted of the matrix too: values (rows x s) gets those of `ids`, which rise. */
typedef struct ovp_kernel_columns {
    ovp_idx s;
    const int64_t *ids;
    void *values;
} ovp_kernel_columns;
/* out (rows x c) = k(x_i, z_j) W. columns: NULL, or which. Bytes besides out and what a Gram matrix takes: see
 * ovp_kernel_apply_bytes. Errors: those of ovp_kernel_gram. */
ovp_status ovp_kernel_side_apply(void *out, ovp_ctx *ctx, const ovp_kernel_side *side, ovp_idx rows, const void *x,
                                 ovp_idx c, const void *w, const ovp_kernel_columns *columns);
int64_t ovp_kernel_apply_bytes(const ovp_ctx *ctx, ovp_numeric_type type, ovp_idx rows, ovp_idx others, ovp_idx c);

#endif
