/* A training's state as named arrays, out and in. */
#include "train/train_int.h"

#include <math.h>
#include <string.h>

enum { MOST = 16 };

ovp_idx ovp_train_state_get(const ovp_train *t, ovp_train_array *arrays, ovp_idx capacity) {
    const ovp_train_order *o = &t->order;
    if (o->order) {
        ovp_numeric_rng_save(o->rng, o->saved[0]);
        if (o->loader.generator) ovp_numeric_rng_save(o->loader.generator, o->saved[1]);
    }
    const ovp_train_array all[] = {
        {"step", OVP_I64, 1, &t->steps},
        {"lr", OVP_F64, 1, &t->lr},
        {"state", OVP_I64, 1, &t->state},
        {"stopped_at", OVP_I64, 1, &t->stopped_at},
        {"best", OVP_F64, 1, &t->best},
        {"waited", OVP_I64, 1, &t->waited},
        {"m", t->type, t->parameters, t->update.m},
        {"v", t->type, t->parameters, t->update.v},
        {"epoch", OVP_I64, 1, o->order ? &o->epoch : NULL},
        {"position", OVP_I64, 1, o->order ? &o->position : NULL},
        {"order", OVP_I64, o->n, o->order},
        {"rng", OVP_U8, OVP_NUMERIC_RNG_STATE_BYTES, o->order ? o->saved[0] : NULL},
        {"generator", OVP_U8, OVP_NUMERIC_RNG_STATE_BYTES, o->loader.generator ? o->saved[1] : NULL},
    };
    ovp_idx count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].data) continue;
        if (count < capacity) arrays[count] = all[i];
        count++;
    }
    return count;
}

/* The array that belongs to `own`, or NULL with the failure recorded. */
static const ovp_train_array *find(ovp_ctx *ctx, const ovp_train_array *own, const ovp_train_array *arrays,
                                   ovp_idx count) {
    for (ovp_idx i = 0; i < count; i++) {
        const ovp_train_array *a = &arrays[i];
        if (!a->name || strcmp(a->name, own->name) != 0) continue;
        if (a->type == own->type && a->count == own->count && a->data) return a;
        ovp_fail(ctx, OVP_EFORMAT, "training state: '%s' holds %lld %s values, this training %lld %s", own->name,
                 (long long)a->count, ovp_numeric_type_name(a->type), (long long)own->count,
                 ovp_numeric_type_name(own->type));
        return NULL;
    }
    ovp_fail(ctx, OVP_EFORMAT, "training state: '%s' is missing; was it saved with the same options?", own->name);
    return NULL;
}

/* An epoch may be at its end; a cycle never stands there. */
static ovp_idx last_position(const ovp_train_order *o) {
    return o->kind == OVP_ORDER_CYCLE ? o->n - 1 : o->end;
}

/* Scalars and orders index memory or drive loops, so they are held to their ranges; moments may be anything. */
static ovp_status check_value(ovp_ctx *ctx, const ovp_train *t, const ovp_train_array *a) {
    const struct {
        const char *name;
        int64_t low, high;
    } ranges[] = {{"step", 0, (int64_t)1 << 53},       {"state", OVP_TRAIN_RUNNING, OVP_TRAIN_MAX_STEPS},
                  {"stopped_at", 0, (int64_t)1 << 53}, {"waited", 0, (int64_t)1 << 53},
                  {"epoch", 0, (int64_t)1 << 53},      {"position", 0, last_position(&t->order)},
                  {"order", 0, t->order.n - 1}};
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        for (ovp_idx i = 0; strcmp(a->name, ranges[r].name) == 0 && i < a->count; i++) {
            const int64_t value = ((const int64_t *)a->data)[i];
            if (value < ranges[r].low || value > ranges[r].high)
                return ovp_fail(ctx, OVP_EFORMAT, "training state: '%s' [%lld] is %lld, outside %lld..%lld", a->name,
                                (long long)i, (long long)value, (long long)ranges[r].low, (long long)ranges[r].high);
        }
    const double real = a->type == OVP_F64 ? *(const double *)a->data : 1;
    if (strcmp(a->name, "lr") == 0 && (!(real > 0) || !isfinite(real)))
        return ovp_fail(ctx, OVP_EFORMAT, "training state: 'lr' is %g, not a positive number", real);
    if (strcmp(a->name, "best") == 0 && isnan(real)) return ovp_fail(ctx, OVP_EFORMAT, "training state: 'best' is nan");
    return OVP_OK;
}

/* The streams, or none of them; `saved` holds where they stood. */
static ovp_status load_streams(ovp_train_order *o, const ovp_train_array *const *from, ovp_idx count) {
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < count && status == OVP_OK; i++) {
        const int which = strcmp(from[i]->name, "generator") == 0;
        if (!which && strcmp(from[i]->name, "rng") != 0) continue;
        status = ovp_numeric_rng_load(which ? o->loader.generator : o->rng, from[i]->data, (size_t)from[i]->count);
        if (status != OVP_OK && which) ovp_numeric_rng_load(o->rng, o->saved[0], sizeof o->saved[0]);
    }
    return status;
}

ovp_status ovp_train_state_set(ovp_train *t, const ovp_train_array *arrays, ovp_idx count) {
    ovp_train_array own[MOST];
    const ovp_train_array *from[MOST];
    const ovp_idx known = ovp_train_state_get(t, own, MOST);
    ovp_status status = OVP_OK;
    for (ovp_idx i = 0; i < known; i++) {
        from[i] = find(t->ctx, &own[i], arrays, count);
        if (!from[i]) return OVP_EFORMAT;
        OVP_TRY(check_value(t->ctx, t, from[i]));
    }
    OVP_TRY(load_streams(&t->order, from, known));
    for (ovp_idx i = 0; i < known; i++) {
        const size_t bytes = (size_t)own[i].count * ovp_numeric_type_size(own[i].type);
        memmove((void *)(uintptr_t)own[i].data, from[i]->data, bytes); /* the trainer's own memory */
    }
    ovp_train_refresh(t);
done:
    return status;
}
