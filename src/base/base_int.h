/* Inside base: what a context is made of. */
#ifndef OVP_BASE_INT_H
#define OVP_BASE_INT_H

#include <overparam/base.h>

#include <stdatomic.h>

#define OVP_MAX_THREADS 256

typedef struct ovp_pool ovp_pool;

struct ovp_ctx {
    ovp_allocator allocator;
    ovp_log_fn log;
    ovp_progress_fn progress;
    void *user;
    int threads;
    int isa;
    int worker;         /* index within ovp_parallel; 0 outside */
    int inside;         /* running a task: nested parallel calls go inline */
    ovp_ctx *root;      /* the context the host created; itself for that one */
    atomic_int cancel;  /* of the root only */
    ovp_pool *pool;     /* of the root only; made by the first ovp_parallel */
    ovp_status status;  /* first failure since ovp_clear */
    char message[1024]; /* preallocated, so that failing never allocates */
};

/* Fills a child that shares everything but error state with its root. */
void ovp_ctx_init_child(ovp_ctx *child, ovp_ctx *root, int worker);
void ovp_pool_free(ovp_ctx *root, ovp_pool *pool);
/* Highest level this processor runs: 0 base, 1 v3, 2 v4. */
int ovp_isa_detect(void);

#endif
