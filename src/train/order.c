/* Which rows a step takes: orders of mini-batches. */
#include "train/train_int.h"

#include <string.h>

static const char *const names[] = {[OVP_ORDER_FULL] = "",
                                    [OVP_ORDER_PHILOX] = "philox",
                                    [OVP_ORDER_TORCH] = "torch",
                                    [OVP_ORDER_CYCLE] = "cycle",
                                    [OVP_ORDER_GIVEN] = "given"};
enum { KINDS = sizeof names / sizeof *names };

ovp_status ovp_train_order_check(ovp_ctx *ctx, const ovp_train_batches *b, ovp_train_order_kind *kind) {
    int k = OVP_ORDER_PHILOX;
    while (k < KINDS && strcmp(b->order ? b->order : "philox", names[k]) != 0) k++;
    if (k == KINDS)
        return ovp_fail(ctx, OVP_EINVAL,
                        "order '%s' of mini-batches is unknown; orders are philox, torch, cycle, given", b->order);
    if (b->size < 0) return ovp_fail(ctx, OVP_EINVAL, "batch: %lld rows is negative; 0 means all", (long long)b->size);
    *kind = b->size == 0 ? OVP_ORDER_FULL : (ovp_train_order_kind)k;
    if (*kind == OVP_ORDER_TORCH && (!b->loader || !b->loader->rng))
        return ovp_fail(ctx, OVP_EINVAL, "order torch of mini-batches needs a loader with its stream");
    if (*kind == OVP_ORDER_CYCLE && !b->rng)
        return ovp_fail(ctx, OVP_EINVAL, "order cycle of mini-batches needs a stream (rng)");
    if (b->drop_last && *kind != OVP_ORDER_PHILOX && *kind != OVP_ORDER_TORCH)
        return ovp_fail(ctx, OVP_EINVAL, "drop-last: only orders philox and torch of mini-batches have epochs");
    return OVP_OK;
}

ovp_status ovp_train_order_create(ovp_train_order *order, ovp_ctx *ctx, const ovp_train_batches *b, ovp_idx n) {
    ovp_status status = ovp_train_order_check(ctx, b, &order->kind);
    if (status != OVP_OK) return status;
    order->n = n;
    order->size = b->size;
    order->end = b->drop_last ? n - n % b->size : n;
    /* Never shuffled, so always all rows in order. */
    if (order->kind == OVP_ORDER_CYCLE && b->size == n) order->kind = OVP_ORDER_FULL;
    if (order->kind == OVP_ORDER_FULL || order->kind == OVP_ORDER_GIVEN) return OVP_OK;
    if (order->end < 1)
        return ovp_fail(ctx, OVP_EINVAL, "drop-last: mini-batches of %lld rows leave nothing of %lld",
                        (long long)b->size, (long long)n);
    if (order->kind == OVP_ORDER_TORCH) {
        order->loader = *b->loader;
        order->rng = order->loader.rng;
        if (order->loader.n != n)
            return ovp_fail(ctx, OVP_EINVAL, "loader: its %lld items are not the %lld rows of the batch",
                            (long long)order->loader.n, (long long)n);
    }
    OVP_TRY(ovp_alloc(ctx, &order->order, n, sizeof *order->order));
    OVP_TRY(ovp_alloc(ctx, &order->saved, 2, sizeof *order->saved));
    if (order->kind == OVP_ORDER_PHILOX) {
        OVP_TRY(ovp_numeric_rng_create(&order->rng, ctx, OVP_RNG_PHILOX, b->seed, OVP_PURPOSE_BATCH, b->index));
    }
    if (order->kind == OVP_ORDER_CYCLE) {
        order->rng = b->rng;
        OVP_TRY(ovp_alloc(ctx, &order->scratch, 2 * n, sizeof *order->scratch));
        for (ovp_idx i = 0; i < n; i++) order->order[i] = i;
    } else {
        order->position = order->end; /* the first epoch is still to be drawn */
    }
done:
    return status;
}

void ovp_train_order_free(ovp_train_order *order, ovp_ctx *ctx) {
    if (order->kind == OVP_ORDER_PHILOX) ovp_numeric_rng_free(order->rng);
    ovp_free(ctx, order->order);
    ovp_free(ctx, order->scratch);
    ovp_free(ctx, order->saved);
}

/* numpy's shuffle(order) makes the exchanges of permutation(n), so it is order taken at that permutation. */
static void shuffle(ovp_train_order *o) {
    int64_t *permutation = o->scratch, *before = o->scratch + o->n;
    ovp_numeric_rng_permutation(o->rng, o->n, permutation);
    memcpy(before, o->order, (size_t)o->n * sizeof *before);
    for (ovp_idx i = 0; i < o->n; i++) o->order[i] = before[permutation[i]];
    o->epoch++;
}

const int64_t *ovp_train_order_next(ovp_train_order *o, ovp_idx *count) {
    /* A fresh epoch waits for its first step, so that its draws come when torch's would. */
    if (o->kind != OVP_ORDER_CYCLE && o->position == o->end) {
        if (o->kind == OVP_ORDER_PHILOX)
            ovp_numeric_rng_permutation(o->rng, o->n, o->order);
        else
            ovp_numeric_torch_loader_begin(&o->loader, o->order);
        o->epoch++;
        o->position = 0;
    }
    const ovp_idx left = o->end - o->position;
    *count = left < o->size ? left : o->size;
    return o->order + o->position;
}

void ovp_train_order_advance(ovp_train_order *o) {
    const ovp_idx left = o->end - o->position;
    if (o->kind == OVP_ORDER_CYCLE) {
        o->position = (o->position + o->size % o->n) % o->n;
        if (o->size > left) shuffle(o);
        return;
    }
    o->position += left < o->size ? left : o->size;
    if (o->kind == OVP_ORDER_TORCH && o->position == o->end) ovp_numeric_torch_loader_end(&o->loader);
}
