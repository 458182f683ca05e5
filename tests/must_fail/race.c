/* Two tasks that write one variable without a lock: the thread sanitizer must report it and fail the program. */
#include <overparam/base.h>

#include <sched.h>
#include <stdatomic.h>

typedef struct meeting {
    atomic_int there;
    int shared;
} meeting;

/* Relaxed waiting for the other task orders nothing: the two writes remain a race. */
static ovp_status collide(ovp_ctx *worker, void *arg, ovp_idx task) {
    (void)worker;
    meeting *m = arg;
    atomic_fetch_add_explicit(&m->there, 1, memory_order_relaxed);
    while (atomic_load_explicit(&m->there, memory_order_relaxed) < 2) sched_yield();
    m->shared = (int)task;
    return OVP_OK;
}

int main(void) {
    ovp_ctx *ctx;
    ovp_ctx_options options = {.size = sizeof options, .threads = 2};
    static meeting m[100]; /* writes at the very same time can escape the sanitizer: one in forty did */
    if (ovp_ctx_create(&ctx, &options) != OVP_OK) return 0;
    for (int i = 0; i < 100; i++) (void)ovp_parallel(ctx, 2, collide, &m[i]);
    ovp_ctx_free(ctx);
    return 0; /* only the sanitizer makes it fail */
}
