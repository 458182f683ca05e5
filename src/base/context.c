/* Context: creation, failure messages, cancellation, allocation, logging. */
#include "base/base_int.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const char *const isa_names[] = {"base", "v3", "v4"};

static void *default_alloc(void *user, size_t bytes) {
    (void)user;
    /* Large arrays on huge pages where the system allows it: a wide net's weights are walked in strides of many pages,
     * and without them most of the time goes into address translation. */
    const size_t huge = (size_t)1 << 21, alignment = bytes >= 2 * huge ? huge : 64;
    void *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (memory && alignment == huge) madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

static void default_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

static int available_processors(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > OVP_MAX_THREADS ? OVP_MAX_THREADS : n;
}

static int isa_rank_of(const char *name) {
    for (int i = 0; i < 3; i++)
        if (strcmp(name, isa_names[i]) == 0) return i;
    return -1;
}

ovp_status ovp_ctx_create(ovp_ctx **out, const ovp_ctx_options *options) {
    *out = NULL;
    ovp_ctx_options o;
    memset(&o, 0, sizeof o);
    if (options) memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (o.threads < 0 || o.threads > OVP_MAX_THREADS) return OVP_EINVAL;

    int best = ovp_isa_detect();
    int isa = best;
    const char *wanted = o.isa ? o.isa : getenv("OVERPARAM_ISA");
    if (wanted && *wanted) {
        isa = isa_rank_of(wanted);
        if (isa < 0 || isa > best) return OVP_EINVAL;
    }
    ovp_allocator allocator = o.allocator ? *o.allocator : (ovp_allocator){default_alloc, default_release, NULL};
    ovp_ctx *ctx = allocator.alloc(allocator.user, sizeof *ctx);
    if (!ctx) return OVP_ENOMEM;
    memset(ctx, 0, sizeof *ctx);
    ctx->allocator = allocator;
    ctx->log = o.log;
    ctx->progress = o.progress;
    ctx->user = o.user;
    ctx->threads = o.threads ? o.threads : available_processors();
    ctx->isa = isa;
    ctx->root = ctx;
    atomic_init(&ctx->cancel, 0);
    *out = ctx;
    return OVP_OK;
}

void ovp_ctx_init_child(ovp_ctx *child, ovp_ctx *root, int worker) {
    memset(child, 0, sizeof *child);
    child->allocator = root->allocator;
    child->log = root->log;
    child->progress = root->progress;
    child->user = root->user;
    child->threads = root->threads;
    child->isa = root->isa;
    child->worker = worker;
    child->inside = 1;
    child->root = root;
}

void ovp_ctx_free(ovp_ctx *ctx) {
    if (!ctx) return;
    ovp_pool_free(ctx, ctx->pool);
    ovp_allocator allocator = ctx->allocator;
    allocator.release(allocator.user, ctx);
}

ovp_status ovp_fail(ovp_ctx *ctx, ovp_status status, const char *format, ...) {
    if (ctx->status != OVP_OK) return status; /* the lowest error knows best */
    ctx->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(ctx->message, sizeof ctx->message, format, args);
    va_end(args);
    /* One line, whatever a file name or a library's text contained. */
    for (char *p = ctx->message; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f) *p = ' ';
    return status;
}

const char *ovp_message(const ovp_ctx *ctx) {
    if (ctx->status == OVP_OK) return "";
    return ctx->message[0] ? ctx->message : ovp_status_text(ctx->status);
}

ovp_status ovp_last_status(const ovp_ctx *ctx) {
    return ctx->status;
}

void ovp_clear(ovp_ctx *ctx) {
    ctx->status = OVP_OK;
    ctx->message[0] = 0;
}

void ovp_cancel(ovp_ctx *ctx) {
    atomic_store_explicit(&ctx->root->cancel, 1, memory_order_relaxed);
}

ovp_status ovp_check(ovp_ctx *ctx) {
    if (!atomic_load_explicit(&ctx->root->cancel, memory_order_relaxed)) return OVP_OK;
    return ovp_fail(ctx, OVP_EINTERRUPTED, "interrupted");
}

void ovp_log(ovp_ctx *ctx, ovp_log_level level, const char *format, ...) {
    if (!ctx->log) return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ctx->log(ctx->user, level, line);
}

void ovp_report(ovp_ctx *ctx, const ovp_progress *progress) {
    if (ctx->progress) ctx->progress(ctx->user, progress);
}

static ovp_status allocate(ovp_ctx *ctx, void *out, ovp_idx count, size_t size, int zeroed) {
    void *memory = NULL;
    size_t bytes = 0;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &bytes) || bytes > (size_t)PTRDIFF_MAX - 64) {
        memcpy(out, &memory, sizeof memory);
        return ovp_fail(ctx, OVP_ENOMEM, "out of memory: %lld items of %zu bytes cannot be addressed", (long long)count,
                        size);
    }
    memory = ctx->allocator.alloc(ctx->allocator.user, bytes ? bytes : 1);
    memcpy(out, &memory, sizeof memory); /* out is the address of a pointer of any type */
    if (!memory)
        return ovp_fail(ctx, OVP_ENOMEM, "out of memory: %.1f MiB could not be allocated", (double)bytes / 1048576.0);
    if (zeroed) memset(memory, 0, bytes ? bytes : 1);
    return OVP_OK;
}

ovp_status ovp_alloc(ovp_ctx *ctx, void *out, ovp_idx count, size_t size) {
    return allocate(ctx, out, count, size, 1);
}

ovp_status ovp_alloc_unset(ovp_ctx *ctx, void *out, ovp_idx count, size_t size) {
    return allocate(ctx, out, count, size, 0);
}

void ovp_free(ovp_ctx *ctx, void *memory) {
    if (memory) ctx->allocator.release(ctx->allocator.user, memory);
}

ovp_status ovp_strdup(ovp_ctx *ctx, char **out, const char *text) {
    size_t bytes = strlen(text) + 1;
    ovp_status status = ovp_alloc(ctx, out, (ovp_idx)bytes, 1);
    if (status == OVP_OK) memcpy(*out, text, bytes);
    return status;
}

int ovp_threads(const ovp_ctx *ctx) {
    return ctx->threads;
}
int ovp_worker(const ovp_ctx *ctx) {
    return ctx->worker;
}
const char *ovp_isa(const ovp_ctx *ctx) {
    return isa_names[ctx->isa];
}
int ovp_isa_rank(const ovp_ctx *ctx) {
    return ctx->isa;
}
