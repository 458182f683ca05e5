/* The loops of conv_loops.c on one strip: the pixels of one block of one sample, T wide (a register, or one channel),
 * `step` values from pixel to pixel. Included once for each T; NAME(x) is x_<T's name>. */

/* x where not y <= 0: a y that is not a number keeps x. */
ALWAYS_INLINE T NAME(gated)(T x, T y);
/* Adds the lanes of v to lanes of f64. */
ALWAYS_INLINE void NAME(spill)(double *sum, T v);

ALWAYS_INLINE void NAME(affine)(ovp_idx pixels, ovp_idx step, const real *z_, const real *scale, const real *shift,
                                const real *add, int rectify, real *out) {
    const T a = *(const T *)(const void *)scale, b = *(const T *)(const void *)shift;
    for (ovp_idx p = 0; p < pixels * step; p += step) {
        T y = a * *(const T *)(const void *)(z_ + p) + b;
        if (add) y = y + *(const T *)(const void *)(add + p);
        *(T *)(void *)(out + p) = rectify ? NAME(gated)(y, y) : y;
    }
}

/* Sums of d and of d d, d = z - centre. */
ALWAYS_INLINE void NAME(sums)(ovp_idx pixels, ovp_idx step, const real *z, T centre, double *first, double *second) {
    for (ovp_idx p = 0; p < pixels; p += RUN) {
        const ovp_idx run = pixels - p < RUN ? pixels - p : RUN;
        const real *at = z + p * step;
        T s[2] = {0}, q[2] = {0};
        for (ovp_idx i = 0; i + 1 < run; i += 2)
            for (int k = 0; k < 2; k++) {
                const T d = *(const T *)(const void *)(at + (i + k) * step) - centre;
                s[k] = s[k] + d;
                q[k] = d * d + q[k];
            }
        if (run % 2) {
            const T d = *(const T *)(const void *)(at + (run - 1) * step) - centre;
            s[0] = s[0] + d;
            q[0] = d * d + q[0];
        }
        NAME(spill)(first, s[0] + s[1]);
        NAME(spill)(second, q[0] + q[1]);
    }
}

ALWAYS_INLINE void NAME(gate)(ovp_idx pixels, ovp_idx step, const real *gate, const real *add, const real *z,
                              const real *mean, real *g, double *sum, double *along) {
    const T centre = *(const T *)(const void *)mean;
    for (ovp_idx p = 0; p < pixels; p += RUN) {
        const ovp_idx end = pixels - p < RUN ? pixels : p + RUN;
        T s = {0}, t = {0};
        for (ovp_idx i = p * step; i < end * step; i += step) {
            T x = *(T *)(void *)(g + i);
            if (add) x = x + *(const T *)(const void *)(add + i);
            x = NAME(gated)(x, *(const T *)(const void *)(gate + i));
            *(T *)(void *)(g + i) = x;
            s = s + x;
            t = x * (*(const T *)(const void *)(z + i) - centre) + t;
        }
        NAME(spill)(sum, s);
        NAME(spill)(along, t);
    }
}

ALWAYS_INLINE void NAME(gradient)(ovp_idx pixels, ovp_idx step, const real *g, const real *z, const real *a_,
                                  const real *b_, const real *c_, real *out) {
    const T a = *(const T *)(const void *)a_, b = *(const T *)(const void *)b_, c = *(const T *)(const void *)c_;
    for (ovp_idx p = 0; p < pixels * step; p += step)
        *(T *)(void *)(out + p) = a * *(const T *)(const void *)(g + p) + (b * *(const T *)(const void *)(z + p) + c);
}
