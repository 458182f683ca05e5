/* Kept nets as input: which runs and nets are found, and what is refused of files that are not what they should be. */
#include "landscape_helpers.h"

typedef struct store {
    char root[256], dir[512], npz[600];
    ovp_io_named_array *arrays;
    ovp_idx count;
    json_t *description;
} store;

static store open_store(ovp_ctx *ctx, const ovp_experiment *experiment, const char *const *settings) {
    store s;
    scratch_make(s.root);
    train_in(ctx, s.root, s.dir, experiment, settings);
    snprintf(s.npz, sizeof s.npz, "%s/weights.npz", s.dir);
    assert_ok(ctx, ovp_io_npz_read(&s.arrays, &s.count, ctx, s.npz));
    const ovp_numeric_array *text = past_array_find(s.arrays, s.count, "description");
    assert_non_null(text);
    s.description = json_loadb(text->data, (size_t)text->shape[0], 0, NULL);
    assert_non_null(s.description);
    return s;
}

static void close_store(ovp_ctx *ctx, store *s) {
    json_decref(s->description);
    ovp_io_npz_free(ctx, s->arrays, s->count);
    scratch_remove(s->root);
}

static store depth_store(ovp_ctx *ctx) {
    return open_store(
        ctx, &ovp_experiment_depth_limit,
        SETTINGS("task=classification", "dataset=mnist", "layers=3", TINY_DEPTH, "epochs=1", "seeds=3", "rng=torch"));
}

static store line_store(ovp_ctx *ctx) {
    return open_store(ctx, &ovp_experiment_lazy_1d, SETTINGS("widths=6", "members=2", "steps=2"));
}

/* Writes the arrays with this description in place of theirs (NULL: without one). */
static void write_with(ovp_ctx *ctx, const store *s, const char *description, size_t bytes) {
    ovp_io_named_array *arrays = malloc((size_t)s->count * sizeof *arrays);
    ovp_idx count = 0;
    for (ovp_idx i = 0; i < s->count; i++) {
        arrays[count] = s->arrays[i];
        if (strcmp(s->arrays[i].name, "description") == 0) {
            if (!description) continue;
            arrays[count].array.shape[0] = (ovp_idx)bytes;
            memcpy(&arrays[count].array.data, &description, sizeof description);
        }
        count++;
    }
    assert_ok(ctx, ovp_io_npz_write(ctx, s->npz, arrays, count));
    free(arrays);
}

/* As above, from the store's own JSON. */
static void write_changed(ovp_ctx *ctx, const store *s) {
    char *text = json_dumps(s->description, JSON_COMPACT);
    write_with(ctx, s, text, strlen(text));
    free(text);
}

static ovp_status build(ovp_ctx *ctx, const char *run, const char *net, ovp_numeric_type type) {
    past_weights weights;
    past_net out = {.model = NULL};
    ovp_status status = past_weights_open(&weights, ctx, run);
    if (status == OVP_OK) status = past_net_build(&out, ctx, &weights, net, type, "auto", 0);
    past_net_free(ctx, &out);
    past_weights_free(ctx, &weights);
    return status;
}

/* ---- finding --------------------------------------------------------------------------------------------- */

static void runs_and_nets(void **state) {
    ovp_ctx *ctx = *state;
    json_t *result;
    store s = line_store(ctx);
    assert_int_equal(setenv("OVERPARAM_RUNS", s.root, 1), 0);
    assert_ok(ctx, build(ctx, s.dir, "width6.seed42.member1", OVP_F32));
    assert_ok(ctx, build(ctx, s.npz, "width6.seed42.member1", OVP_F64));
    assert_ok(ctx, build(ctx, strrchr(s.dir, '/') + 1, "width6.seed42.member0", OVP_F64));
    assert_ok(ctx, build(ctx, "latest", "width6.seed42.member0", OVP_F64));
    /* the landscape's own runs, which are newer, have no nets */
    assert_ok(ctx, draw_in(ctx, &result, s.root, "", SETTINGS("runs=latest", "steps=3", "nets=member0")));
    assert_int_equal(table_rows(result, "surfaces"), 1);
    json_decref(result);
    assert_ok(ctx, build(ctx, "latest", "width6.seed42.member0", OVP_F64));
    assert_fails(ctx, OVP_EFORMAT, "there is none", build(ctx, s.dir, "width7", OVP_F64));
    assert_fails(ctx, OVP_ENOTFOUND, "no run 'nothing'", build(ctx, "nothing", "x", OVP_F64));
    assert_fails(ctx, OVP_ENOTFOUND, "nothing.npz", build(ctx, "nothing.npz", "x", OVP_F64));

    /* refused before there is a run folder */
    static const struct {
        const char *setting, *words;
        ovp_status status;
    } wrong[] = {
        {"nets=width7", "no net of --runs is called so; there are: width6.seed42.member0, width6", OVP_EINVAL},
        {"nets=member", "no net of --runs", OVP_EINVAL}, /* parts of a name, not of a part */
        {"nets=member0,", "name 2 is empty", OVP_EINVAL},
        {"runs=latest,nothing", "no run 'nothing'", OVP_ENOTFOUND},
        {"runs=,", "is empty", OVP_EINVAL},
    };
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        assert_fails(ctx, wrong[k].status, wrong[k].words,
                     draw_in(ctx, &result, s.root, "", SETTINGS("runs=latest", wrong[k].setting)));
        assert_null(result);
    }
    assert_fails(ctx, OVP_EINVAL, "has 1; choose 2",
                 draw_in(ctx, &result, s.root, "", SETTINGS("runs=latest", "mode=interpolation", "nets=member0")));
    assert_fails(ctx, OVP_EINVAL, "with --runs", draw_in(ctx, &result, s.root, "", SETTINGS("nets=member0")));
    assert_fails(ctx, OVP_EINVAL, "with --runs", draw_in(ctx, &result, s.root, "", SETTINGS("mode=interpolation")));
    assert_null(result);
    assert_true(landscape_matches("width30.seed1.member0", "seed1.member0"));
    assert_true(landscape_matches("deep.sigma1.4.width5", "sigma1.4"));
    assert_false(landscape_matches("width300.seed1", "width30"));
    assert_false(landscape_matches("width30.seed1", "idth30"));

    assert_int_equal(unlink(s.npz), 0);
    assert_fails(ctx, OVP_ENOTFOUND, "weights.npz", build(ctx, s.dir, "x", OVP_F64));
    close_store(ctx, &s);
    assert_int_equal(setenv("OVERPARAM_RUNS", "/nonexistent-overparam", 1), 0);
    assert_fails(ctx, OVP_ENOTFOUND, "train one first", build(ctx, "latest", "x", OVP_F64));
    unsetenv("OVERPARAM_RUNS");
}

static void too_many_nets(void **state) {
    ovp_ctx *ctx = *state;
    json_t *result;
    store s = open_store(ctx, &ovp_experiment_lazy_1d, SETTINGS("widths=6", "members=13", "steps=2"));
    assert_fails(ctx, OVP_EINVAL, "13 nets; at most 12", draw_in(ctx, &result, s.root, s.dir, SETTINGS("steps=3")));
    assert_null(result);
    close_store(ctx, &s);
}

static void wrong_values(void **state) {
    ovp_ctx *ctx = *state;
    ovp_params *p;
    static const char *const wrong[][2] = {{"steps", "0"},   {"steps", "1001"},        {"res", "0"},
                                           {"res", "-1"},    {"samples", "-1"},        {"mode", "volume"},
                                           {"beyond", "-1"}, {"normalization", "none"}};
    assert_ok(ctx, ovp_experiment_params(&p, ctx, &ovp_experiment_loss_landscape));
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++)
        assert_fails(ctx, OVP_EUSAGE, wrong[k][0], ovp_params_set(p, wrong[k][0], wrong[k][1], "test", OVP_EUSAGE));
    ovp_params_free(p);
}

/* ---- descriptions that are not what they should be --------------------------------------------------------- */

/* One value of the net's or its data's entry, its wrong value as JSON, and what is said. */
static const struct change {
    const char *key, *value, *words;
    ovp_status status;
    int data; /* of the set */
} residual_changes[] = {
    {"kind", "\"conv\"", "neither dense nor residual", OVP_EFORMAT, 0},
    {"kind", "7", "neither dense nor residual", OVP_EFORMAT, 0},
    {"layers", "4", "has the shape [3, 4, 4], the net's is [4, 4, 4]", OVP_ESHAPE, 0},
    {"layers", "0", "the net's is [0, 4, 4]", OVP_ESHAPE, 0},
    {"layers", "2000000000", "has the shape", OVP_ESHAPE, 0},
    {"dim", "5", "has the shape [3, 4, 4], the net's is [3, 5, 5]", OVP_ESHAPE, 0},
    {"inputs", "783", "read_in", OVP_ESHAPE, 0},
    {"outputs", "9", "read_out", OVP_ESHAPE, 0},
    {"activation", "\"nothing\"", "nothing", OVP_EINVAL, 0},
    {"augmentation", "\"jump\"", "jump", OVP_EINVAL, 0},
    {"alpha", "1e400", "", OVP_EFORMAT, 0},
    {"alpha", "\"x\"", "alpha is no number", OVP_EFORMAT, 0},
    {"loss", "{}", "its loss is unknown", OVP_EFORMAT, 0},
    {"loss", "{\"name\":\"mse\",\"reduction\":\"median\"}", "its loss is unknown", OVP_EFORMAT, 0},
    {"data", "\"elsewhere\"", "were not kept", OVP_ENOTFOUND, 0},
    {"data", "null", "were not kept", OVP_ENOTFOUND, 0},
    {"kind", "\"cloud\"", "were not kept", OVP_ENOTFOUND, 1},
    {"dataset", "\"mnits\"", "mnits", OVP_ENOTFOUND, 1},
    {"type", "\"f16\"", "neither f32 nor f64", OVP_EFORMAT, 1},
    {"rng", "\"dice\"", "rng is none of", OVP_EFORMAT, 1},
    {"rng", "\"numpy\"", "", OVP_EINVAL, 1}, /* the state is torch's */
    {"share", "0", "share", OVP_EFORMAT, 1},
    {"share", "1.5", "share", OVP_EFORMAT, 1},
    {"share", "0.25", "no longer what the nets were trained on", OVP_ENOTFOUND, 1},
    {"share", "1", "no longer what the nets were trained on", OVP_ENOTFOUND, 1},
    {"random", "false", "no longer what the nets were trained on", OVP_ENOTFOUND, 1},
    {"sum", "\"00\"", "no longer what the nets were trained on", OVP_ENOTFOUND, 1},
    {"options", "{\"limit\":\"nine\"}", "limit", OVP_EUSAGE, 1},
    {"options", "{}", "no longer what the nets were trained on", OVP_ENOTFOUND, 1},
};

static void check_change(ovp_ctx *ctx, store *s, const char *net, const char *set, const struct change *c) {
    json_t *entry = json_object_get(json_object_get(s->description, c->data ? "sets" : "nets"), c->data ? set : net);
    json_t *before = json_incref(json_object_get(entry, c->key));
    assert_non_null(before);
    if (strcmp(c->value, "1e400") == 0) { /* no JSON: the text is damaged by hand */
        json_object_set_new(entry, c->key, json_string("@"));
        char *text = json_dumps(s->description, JSON_COMPACT), *at = strstr(text, "\"@\"");
        memcpy(at, "1e9", 3);
        at[1] = '&';
        write_with(ctx, s, text, strlen(text));
        free(text);
    } else {
        json_object_set_new(entry, c->key, json_loads(c->value, JSON_DECODE_ANY, NULL));
        write_changed(ctx, s);
    }
    const ovp_status status = build(ctx, s->dir, net, OVP_F32);
    if (status != c->status || !strstr(ovp_message(ctx), c->words))
        fail_msg("%s = %s: %s: %s", c->key, c->value, ovp_status_name(status), ovp_message(ctx));
    ovp_clear(ctx);
    json_object_set_new(entry, c->key, before);
}

static void residual_descriptions(void **state) {
    ovp_ctx *ctx = *state;
    store s = depth_store(ctx);
    for (size_t k = 0; k < sizeof residual_changes / sizeof residual_changes[0]; k++)
        check_change(ctx, &s, "layers3.seed3", "data.layers3.seed3", &residual_changes[k]);
    write_changed(ctx, &s);
    assert_ok(ctx, build(ctx, s.dir, "layers3.seed3", OVP_F32));
    close_store(ctx, &s);
}

static const struct change dense_changes[] = {
    {"widths", "[1]", "widths is no list", OVP_EFORMAT, 0},
    {"widths", "{}", "widths is no list", OVP_EFORMAT, 0},
    {"widths", "[1,\"6\",1]", "a width is no whole number", OVP_EFORMAT, 0},
    {"widths", "[1,-6,1]", "a width is no whole number", OVP_EFORMAT, 0},
    {"widths", "[1,7,1]", "has the shape [6, 1], the net's is [7, 1]", OVP_ESHAPE, 0},
    {"widths", "[1,2000000000,1]", "has the shape", OVP_ESHAPE, 0},
    {"widths", "[1,6,6,1]", "has the shape", OVP_ESHAPE, 0},
    {"bias", "false", "", OVP_OK, 0}, /* fewer arrays are read: another net, but one that can be built */
    {"parametrization", "\"cubic\"", "cubic", OVP_EINVAL, 0},
    {"classes", "3", "not inputs and targets", OVP_EFORMAT, 1},
};

static void dense_descriptions(void **state) {
    ovp_ctx *ctx = *state;
    store s = line_store(ctx);
    for (size_t k = 0; k < sizeof dense_changes / sizeof dense_changes[0]; k++)
        check_change(ctx, &s, "width6.seed42.member0", "data.seed42", &dense_changes[k]);
    write_with(ctx, &s, NULL, 0);
    assert_fails(ctx, OVP_EFORMAT, "does not tell how nets are built", build(ctx, s.dir, "x", OVP_F32));
    write_with(ctx, &s, "{}", 2);
    assert_fails(ctx, OVP_EFORMAT, "does not tell how nets are built", build(ctx, s.dir, "x", OVP_F32));
    write_with(ctx, &s, "{\"nets\":[1]}", 12);
    assert_fails(ctx, OVP_EFORMAT, "does not tell how nets are built", build(ctx, s.dir, "x", OVP_F32));
    write_with(ctx, &s, "", 0);
    assert_int_equal(build(ctx, s.dir, "x", OVP_F32), OVP_EFORMAT);
    ovp_clear(ctx);
    close_store(ctx, &s);
}

/* Arrays that are not what the description says. */
static void wrong_arrays(void **state) {
    ovp_ctx *ctx = *state;
    const char *net = "width6.seed42.member0";
    store s = line_store(ctx);
    for (ovp_idx i = 0; i < s.count; i++) {
        ovp_numeric_array *array = &s.arrays[i].array, held = *array;
        if (strncmp(s.arrays[i].name, net, strlen(net)) != 0 && strncmp(s.arrays[i].name, "data.", 5) != 0) continue;
        char name[] = "elsewhere", *own = s.arrays[i].name;
        s.arrays[i].name = name;
        write_changed(ctx, &s);
        assert_fails(ctx, OVP_EFORMAT, "", build(ctx, s.dir, net, OVP_F32));
        s.arrays[i].name = own;
        array->shape[0] -= 1; /* a row less */
        write_changed(ctx, &s);
        assert_true(build(ctx, s.dir, net, OVP_F32) != OVP_OK);
        ovp_clear(ctx);
        *array = held;
        array->type = array->type == OVP_F64 ? OVP_I64 : OVP_I32;
        write_changed(ctx, &s);
        assert_fails(ctx, OVP_EFORMAT, "", build(ctx, s.dir, net, OVP_F32));
        *array = held;
        const float first = *(float *)array->data;
        *(float *)array->data = NAN;
        write_changed(ctx, &s);
        assert_fails(ctx, OVP_EFORMAT, "not finite", build(ctx, s.dir, net, OVP_F32));
        *(float *)array->data = first;
    }
    write_changed(ctx, &s);
    assert_ok(ctx, build(ctx, s.dir, net, OVP_F32));
    close_store(ctx, &s);
}

/* Any byte of the description may be wrong: an error, or a net, but nothing else. */
static void flipped_bits(void **state) {
    ovp_ctx *ctx = *state;
    store s = line_store(ctx);
    char *text = json_dumps(s.description, JSON_COMPACT);
    const size_t bytes = strlen(text);
    int built = 0;
    for (size_t at = 0; at < bytes; at++) {
        text[at] ^= (char)(1 << at % 7);
        write_with(ctx, &s, text, bytes);
        built += build(ctx, s.dir, "width6.seed42.member0", OVP_F64) == OVP_OK;
        ovp_clear(ctx);
        text[at] ^= (char)(1 << at % 7);
    }
    for (size_t length = 0; length < bytes; length += 7) { /* cut short */
        write_with(ctx, &s, text, length);
        assert_int_equal(build(ctx, s.dir, "width6.seed42.member0", OVP_F64), OVP_EFORMAT);
        ovp_clear(ctx);
    }
    assert_true(built > 0); /* most of it tells of other things */
    free(text);
    close_store(ctx, &s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(runs_and_nets),      CTX_TEST(too_many_nets), CTX_TEST(wrong_values), CTX_TEST(residual_descriptions),
        CTX_TEST(dense_descriptions), CTX_TEST(wrong_arrays),  CTX_TEST(flipped_bits),
    };
    return cmocka_run_group_tests_name("past nets", tests, without_gnuplot, NULL);
}
