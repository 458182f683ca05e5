/* A small thread pool: bounded spin, then sleep.
 *
 * Workers enter a job through a gate and the caller closes the gate when no task is left, so a worker that the system
 * has not scheduled in time is not waited for: a processor taken by another program costs its share of the work and no
 * more. (libgomp's spinning barrier waits for every thread of the team.) */
#include "base/base_int.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

/* gate = generation << 16 | workers inside << 1 | open */
#define GATE_OPEN 1u
#define GATE_INSIDE 2u
#define GATE_INSIDE_MASK 0xfffeu
#define GATE_GENERATION (1u << 16)

enum { SPIN = 400 }; /* about 20 microseconds: a wake-up through the kernel costs 5 to 50 */

struct ovp_pool {
    _Atomic uint64_t gate;
    atomic_int stop, sleepers, caller_sleeps;
    _Atomic ovp_idx next, failed; /* next task; lowest failed task */
    ovp_idx tasks;
    ovp_task_fn fn;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    ovp_status failed_status;
    char failed_message[1024];
    int started; /* threads running besides the caller */
    pthread_t thread[OVP_MAX_THREADS];
    ovp_ctx child[OVP_MAX_THREADS]; /* child[0] belongs to the caller */
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_tasks(ovp_pool *pool, ovp_ctx *ctx) {
    for (;;) {
        if (atomic_load_explicit(&pool->failed, memory_order_relaxed) != INT64_MAX) return;
        ovp_idx task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (task >= pool->tasks) return;
        ovp_clear(ctx);
        ovp_status status = ovp_check(ctx);
        if (status == OVP_OK) status = pool->fn(ctx, pool->arg, task);
        if (status == OVP_OK) continue;
        pthread_mutex_lock(&pool->lock);
        if (task < atomic_load(&pool->failed)) {
            atomic_store(&pool->failed, task);
            pool->failed_status = status;
            memcpy(pool->failed_message, ctx->message, sizeof pool->failed_message);
        }
        pthread_mutex_unlock(&pool->lock);
    }
}

/* Waits until the gate is open for a generation other than `last`; 0 = the pool stops. */
static uint64_t wait_for_job(ovp_pool *pool, uint64_t last) {
    for (int i = 0;; i++) {
        uint64_t gate = atomic_load(&pool->gate);
        if (atomic_load(&pool->stop)) return 0;
        if ((gate & GATE_OPEN) && gate / GATE_GENERATION != last) return gate;
        if (i < SPIN) {
            relax();
            continue;
        }
        pthread_mutex_lock(&pool->lock);
        atomic_fetch_add(&pool->sleepers, 1);
        for (;;) {
            gate = atomic_load(&pool->gate);
            if (atomic_load(&pool->stop) || ((gate & GATE_OPEN) && gate / GATE_GENERATION != last)) break;
            pthread_cond_wait(&pool->wake, &pool->lock);
        }
        atomic_fetch_sub(&pool->sleepers, 1);
        pthread_mutex_unlock(&pool->lock);
        i = 0;
    }
}

static void *worker_main(void *arg) {
    ovp_ctx *ctx = arg;
    ovp_pool *pool = ctx->root->pool;
    uint64_t last = 0;
    for (;;) {
        uint64_t gate = wait_for_job(pool, last);
        if (!gate) return NULL;
        if (!atomic_compare_exchange_strong(&pool->gate, &gate, gate + GATE_INSIDE)) continue;
        last = gate / GATE_GENERATION;
        run_tasks(pool, ctx);
        uint64_t now = atomic_fetch_sub(&pool->gate, GATE_INSIDE) - GATE_INSIDE;
        if (!(now & (GATE_INSIDE_MASK | GATE_OPEN)) && atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->idle);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void wait_until_empty(ovp_pool *pool) {
    for (int i = 0; i < SPIN; i++) {
        if (!(atomic_load(&pool->gate) & GATE_INSIDE_MASK)) return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeps, 1);
    while (atomic_load(&pool->gate) & GATE_INSIDE_MASK) pthread_cond_wait(&pool->idle, &pool->lock);
    atomic_store(&pool->caller_sleeps, 0);
    pthread_mutex_unlock(&pool->lock);
}

static ovp_status pool_create(ovp_ctx *root) {
    ovp_pool *pool;
    ovp_status status = ovp_alloc(root, &pool, 1, sizeof *pool);
    if (status != OVP_OK) return status;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->idle, NULL);
    atomic_store(&pool->gate, GATE_GENERATION);
    root->pool = pool;
    for (int i = 0; i < root->threads; i++) ovp_ctx_init_child(&pool->child[i], root, i);
    /* Signals belong to the host's threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 1; i < root->threads; i++) {
        /* Fewer threads than asked for still give the same results. */
        if (pthread_create(&pool->thread[i], NULL, worker_main, &pool->child[i]) != 0) break;
        pool->started = i;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return OVP_OK;
}

void ovp_pool_free(ovp_ctx *root, ovp_pool *pool) {
    if (!pool) return;
    atomic_store(&pool->stop, 1);
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i <= pool->started; i++) pthread_join(pool->thread[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->idle);
    ovp_free(root, pool);
    root->pool = NULL;
}

static ovp_status run_inline(ovp_ctx *ctx, ovp_idx tasks, ovp_task_fn fn, void *arg) {
    for (ovp_idx task = 0; task < tasks; task++) {
        ovp_status status = ovp_check(ctx);
        if (status == OVP_OK) status = fn(ctx, arg, task);
        if (status != OVP_OK) return status;
    }
    return OVP_OK;
}

ovp_status ovp_parallel(ovp_ctx *ctx, ovp_idx tasks, ovp_task_fn fn, void *arg) {
    if (ctx->inside || ctx->threads == 1) return run_inline(ctx, tasks, fn, arg);
    ovp_status status = OVP_OK;
    if (!ctx->pool) status = pool_create(ctx);
    if (status != OVP_OK) return status;

    ovp_pool *pool = ctx->pool;
    pool->fn = fn;
    pool->arg = arg;
    pool->tasks = tasks;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->failed, INT64_MAX);
    if (tasks > 1) {
        atomic_fetch_add(&pool->gate, GATE_GENERATION | GATE_OPEN);
        if (atomic_load(&pool->sleepers)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_broadcast(&pool->wake);
            pthread_mutex_unlock(&pool->lock);
        }
    }
    run_tasks(pool, &pool->child[0]);
    if (tasks > 1) {
        atomic_fetch_and(&pool->gate, ~(uint64_t)GATE_OPEN);
        wait_until_empty(pool);
    }
    if (atomic_load(&pool->failed) != INT64_MAX) return ovp_fail(ctx, pool->failed_status, "%s", pool->failed_message);
    return OVP_OK;
}
