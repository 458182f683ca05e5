/* Non-zeros of one panel of a dense matrix, or of its transpose. */
#include "numeric/real.h"
#include "numeric/sparse_int.h"

int OVP_REAL(ovp_numeric_sparse_look)(ovp_idx count, const void *x, ovp_idx *nonzeros) {
    enum { PIECE = 1 << 20 }; /* sums of a piece have few bits, as the compiler likes them */
    const real *v = x;
    int32_t strange = 0;
    *nonzeros = 0;
    for (ovp_idx i = 0; i < count; i += PIECE) {
        const ovp_idx end = i + PIECE < count ? i + PIECE : count;
        int32_t zeros = 0;
        for (ovp_idx k = i; k < end; k++) {
            zeros += v[k] == R_(0.0);
            strange |= !(v[k] - v[k] == R_(0.0)); /* infinite, or not a number */
        }
        *nonzeros += end - i - zeros;
    }
    return !strange;
}

void OVP_REAL(ovp_numeric_sparse_count)(const ovp_numeric_dense *m, ovp_idx first, ovp_idx end, int32_t *length) {
    const real *x = m->x;
    for (ovp_idx r = 0; r < m->rows; r++) length[r] = 0;
    if (!m->transposed)
        for (ovp_idx r = 0; r < m->rows; r++) {
            int32_t count = 0;
            for (ovp_idx k = first; k < end; k++) count += x[r * m->cols + k] != R_(0.0);
            length[r] = count;
        }
    else /* along the memory */
        for (ovp_idx k = first; k < end; k++)
            for (ovp_idx r = 0; r < m->rows; r++) length[r] += x[k * m->rows + r] != R_(0.0);
}

void OVP_REAL(ovp_numeric_sparse_fill)(ovp_numeric_sparse *s, const ovp_numeric_dense *m, ovp_idx panel, ovp_idx first,
                                       ovp_idx end, int64_t *next) {
    const real *x = m->x;
    real *value = s->value;
    for (ovp_idx i = s->panel[panel]; i < s->panel[panel + 1]; i++) {
        int64_t at = s->start[i];
        const int64_t last = at + s->length[i];
        if (m->transposed) {
            next[s->row[i]] = at;
            continue;
        }
        const real *row = x + s->row[i] * m->cols + first;
        for (ovp_idx k = 0; at < last; k++) { /* a zero's place is the next number's */
            value[at] = row[k];
            s->column[at] = (uint16_t)k;
            at += row[k] != R_(0.0);
        }
    }
    for (ovp_idx k = first; k < end && m->transposed; k++)
        for (ovp_idx r = 0; r < m->rows; r++) {
            const real v = x[k * m->rows + r];
            if (v == R_(0.0)) continue;
            const int64_t at = next[r]++;
            value[at] = v;
            s->column[at] = (uint16_t)(k - first);
        }
}
