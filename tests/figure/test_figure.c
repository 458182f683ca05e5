/* figure: files written, hostile labels, axes, thinning, missing, failing and hanging gnuplot. Tests that draw need
 * gnuplot on PATH (scripts/test installs it). */
#include "folder.h"

#include "figure/figure_int.h"

#include <errno.h>
#include <math.h>
#include <sys/wait.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
static const double none = NAN;

static ovp_figure plain(const ovp_figure_series *series, ovp_idx count) {
    return (ovp_figure){
        .name = "plot", .title = "Title", .x_label = "x", .y_label = "y", .series = series, .count = count};
}

/* ---- layout -------------------------------------------------------------------------------------- */

static void ranges_hold_all_points(void **state) {
    (void)state;
    const double x[] = {1, 10, 100, -5, 1000}, y[] = {.1, none, 3, 7, INFINITY}, low[] = {-1, 0, 2, 0, 0},
                 high[] = {.2, 1, 4, 9, 9}, level[] = {40};
    const ovp_figure_series series[] = {
        {.label = "a", .style = OVP_FIGURE_POINTS, .n = 5, .x = x, .y = y, .low = low, .high = high, .colour = -1},
        {.label = "l", .style = OVP_FIGURE_HLINE, .n = 1, .y = level, .colour = -1}};
    ovp_figure figure = plain(series, 2);
    figure_axis ax, ay;
    figure_ranges(&figure, &ax, &ay);
    /* Drawable: x in {1, 100, -5}; heights .1, 3, 7 with their bars -1..9, and the level. */
    assert_true(ax.low < -5 && ax.low > -20 && ax.high > 100 && ax.high < 120);
    assert_true(ay.low < -1 && ay.low > -5 && ay.high > 40 && ay.high < 45);
    figure.x_log = figure.y_log = 1;
    figure_ranges(&figure, &ax, &ay);
    assert_true(ax.low < 1 && ax.low > .5 && ax.high > 100 && ax.high < 200);
    assert_true(ay.low < .1 && ay.low > .05 && ay.high > 40 && ay.high < 60);
    assert_true(fabs(figure_place(&ax, sqrt(ax.low * ax.high)) - .5) < 1e-12);
    assert_false(figure_drawable(&ax, 0));
    assert_false(figure_drawable(&ax, none));
    assert_true(figure_drawable(&ax, 1e-300));
}

static void ranges_of_degenerate_data(void **state) {
    (void)state;
    static const double values[] = {0, 5, -5, 1e-300, 1e300, 1e16, -1e-5};
    for (int log_scale = 0; log_scale < 2; log_scale++)
        for (int i = 0; i < COUNT(values); i++) {
            const ovp_figure_series series = {
                .label = "a", .style = OVP_FIGURE_LINE, .n = 1, .x = &values[i], .y = &values[i], .colour = -1};
            ovp_figure figure = plain(&series, 1);
            figure.x_log = figure.y_log = log_scale;
            figure_axis ax, ay;
            figure_ranges(&figure, &ax, &ay);
            assert_true(isfinite(ax.low) && isfinite(ax.high) && ax.low < ax.high);
            assert_true(ay.low < ay.high);
            if (!log_scale || values[i] > 0) assert_true(ax.low <= values[i] && values[i] <= ax.high);
        }
}

static char *tics(ovp_ctx *ctx, int log_scale, double low, double high) {
    const figure_axis axis = {log_scale, low, high};
    ovp_text gp = {.ctx = ctx};
    figure_tics(&axis, "x", 9, &gp);
    char *copy = strdup(gp.data);
    ovp_text_free(&gp);
    return copy;
}

/* Labels as a reader of a journal expects them. */
static void tics_are_sensible(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        int log_scale;
        double low, high;
        const char *has[4];
        const char *lacks;
    } cases[] = {
        {1, 8, 130000, {"'10^{1}' 10,", "'10^{5}' 100000", "'' 20 1", NULL}, "10^{6}"},
        {1, 1e-4, 2, {"'10^{−4}' 0.0001", "'10^{0}' 1,", NULL}, "10^{1}"},
        {1, 1e-30, 1, {"'10^{−28}' 1e-28", "'10^{0}' 1", NULL}, "10^{−29}"},
        {1, 20, 300, {"'20' 20", "'50' 50", "'100' 100", "'200' 200"}, "10^"},
        {1, .9, 1.1, {"'0.9' 0.9", "'1' 1,", "'1.1' 1.1", NULL}, "10^"},
        {0, 0, 1, {"'0' 0,", "'0.2' 0.2", "'1' 1,", "'' 0.1 1"}, "e-"},
        {0, -1, 1, {"'−1' -1", "'0' 0,", "'0.5' 0.5", NULL}, "'−0'"},
        {0, 0, 1e-5, {"'2×10^{−6}' 2", "'0' 0,", "'10^{−5}'", NULL}, "'0.0"},
        {0, 0, 3.1e6, {"'10^{6}' 1000000", "'3×10^{6}' 3000000", "'0' 0,", NULL}, "000'"},
        {0, 100000, 100010, {"'100002' 100002", NULL}, "10^"},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        char *text = tics(ctx, cases[i].log_scale, cases[i].low, cases[i].high);
        for (int k = 0; k < 4 && cases[i].has[k]; k++)
            if (!strstr(text, cases[i].has[k])) fail_msg("case %d: no %s in %s", i, cases[i].has[k], text);
        if (strstr(text, cases[i].lacks)) fail_msg("case %d: %s in %s", i, cases[i].lacks, text);
        free(text);
    }
}

static void thinning_keeps_spikes_and_gaps(void **state) {
    ovp_ctx *ctx = *state;
    enum { N = 100000 };
    double *x, *y;
    ovp_idx keep[FIGURE_MAX_POINTS];
    assert_ok(ctx, ovp_alloc(ctx, &x, N, sizeof(*x)));
    assert_ok(ctx, ovp_alloc(ctx, &y, N, sizeof(*y)));
    for (int i = 0; i < N; i++) {
        x[i] = i + 1;
        y[i] = 1 / x[i];
    }
    y[77777] = 1e3;
    for (int i = 50000; i < 50500; i++) y[i] = none;
    const ovp_figure_series series = {.label = "a", .style = OVP_FIGURE_LINE, .n = N, .x = x, .y = y, .colour = -1};
    ovp_figure figure = plain(&series, 1);
    for (int log_scale = 0; log_scale < 2; log_scale++) {
        figure_axis ax, ay;
        figure.x_log = log_scale;
        figure_ranges(&figure, &ax, &ay);
        ovp_idx count = figure_thin(&series, &ax, &ay, FIGURE_MAX_POINTS, keep);
        assert_true(count <= FIGURE_MAX_POINTS && count > (log_scale ? 400 : 1200));
        int spike = 0, gap = 0;
        for (ovp_idx k = 0; k < count; k++) {
            if (k) assert_true(keep[k] > keep[k - 1]);
            spike |= keep[k] == 77777;
            gap |= keep[k] >= 50000 && keep[k] < 50500;
        }
        assert_true(spike);
        assert_true(gap);
        if (log_scale) assert_int_equal(keep[0], 0);
    }
    /* A trajectory that turns back is thinned along the path. */
    for (int i = 0; i < N; i++) x[i] = sin(i * 1e-3);
    figure_axis ax, ay;
    figure.x_log = 0;
    figure_ranges(&figure, &ax, &ay);
    assert_int_equal(figure_thin(&series, &ax, &ay, FIGURE_MAX_POINTS, keep), FIGURE_MAX_POINTS);
    assert_int_equal(keep[0], 0);
    assert_int_equal(keep[FIGURE_MAX_POINTS - 1], N - 1);
    ovp_free(ctx, x);
    ovp_free(ctx, y);
}

static void data_blocks(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {1, 2, 3, 4}, y[] = {10, none, 0, 20}, gone[] = {none, -1, 0, none}, low[] = {-5, 1, 1, none},
                 high[] = {20, 1, 1, 30};
    const ovp_figure_series series[] = {
        {.label = "gone", .style = OVP_FIGURE_LINE, .n = 4, .x = x, .y = gone, .colour = -1},
        {.label = "a", .style = OVP_FIGURE_POINTS, .n = 4, .x = x, .y = y, .low = low, .high = high, .colour = -1},
        {.label = "none", .style = OVP_FIGURE_LINE, .n = 0, .colour = -1},
        {.label = "b", .style = OVP_FIGURE_LINE, .n = 1, .x = x, .y = y, .colour = -1}};
    ovp_figure figure = plain(series, 4);
    figure.y_log = 1;
    figure_axis ax, ay;
    figure_drawn drawn[4];
    ovp_text dat = {.ctx = ctx};
    figure_ranges(&figure, &ax, &ay);
    figure_data(&figure, &ax, &ay, drawn, &dat);
    assert_int_equal(drawn[0].block, -1);
    assert_int_equal(drawn[1].block, 0);
    assert_int_equal(drawn[2].block, -1);
    assert_int_equal(drawn[3].block, 1);
    assert_int_equal(drawn[1].points, 2);
    char edge[32], expected[256];
    ovp_format_real(edge, ay.low); /* a bar that reaches below 0 ends at the edge of a log axis */
    snprintf(expected, sizeof(expected), "\n1 10 %s 20\n\n4 20 20 30\n\n\n1 10 10 10\n", edge);
    assert_string_equal(strchr(dat.data, '\n'), expected);
    ovp_text_free(&dat);
}

static void colours(void **state) {
    (void)state;
    ovp_figure_series series[9];
    figure_drawn drawn[9];
    for (int i = 0; i < 9; i++) series[i] = (ovp_figure_series){.style = OVP_FIGURE_LINE, .colour = -1};
    series[3].style = OVP_FIGURE_THEORY; /* dark, and takes no colour from the others */
    series[4].colour = 0;
    series[5].style = OVP_FIGURE_THEORY;
    ovp_figure figure = plain(series, 9);
    figure_colours(&figure, drawn);
    assert_int_equal(drawn[0].colour, 0x0072B2);
    assert_int_equal(drawn[1].colour, 0xD55E00);
    assert_int_equal(drawn[3].colour, 0x222222);
    assert_int_equal(drawn[4].colour, drawn[0].colour);
    assert_int_equal(drawn[6].colour, 0xCC79A7);
    assert_int_not_equal(drawn[5].dash, drawn[3].dash);
    figure.ordered = 1;
    for (int i = 0; i < 9; i++) series[i] = (ovp_figure_series){.style = OVP_FIGURE_LINE, .colour = i};
    figure_colours(&figure, drawn);
    double last = -1;
    for (int i = 0; i < 9; i++) { /* lighter and lighter: Rec. 709 weights */
        unsigned c = drawn[i].colour;
        double light = .2126 * (c >> 16) + .7152 * ((c >> 8) & 255u) + .0722 * (c & 255u);
        assert_true(light > last + 5);
        last = light;
    }
}

static void quoting(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const cases[][2] = {
        {"plain", "'plain'"},
        {"it's `id` \"q\" $HOME \\", "'it''s `id` \"q\" $HOME \\'"},
        {"a\nb\tc\001", "'a b c '"},
        {"\xff ü \xc3 \xed\xa0\x80", "'? ü ? \?\?\?'"},
        {"x_{1}^2 @ & ~", "'x_{1}^2 @ & ~'"},
        {NULL, "''"},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        ovp_text gp = {.ctx = ctx};
        figure_quote(&gp, cases[i][0]);
        assert_string_equal(gp.data, cases[i][1]);
        ovp_text_free(&gp);
    }
}

/* ---- rendering ----------------------------------------------------------------------------------- */

static int png(const char *path) {
    FILE *file = fopen(path, "rb");
    char magic[8] = "";
    size_t got = file ? fread(magic, 1, 8, file) : 0;
    if (file) fclose(file);
    return got == 8 && memcmp(magic, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static const double wide[] = {10, 100, 1000}, change[] = {.4, .12, .025}, lower[] = {.3, .1, .02},
                    upper[] = {.5, .15, -1};

static void renders(void **state) {
    ovp_ctx *ctx = *state;
    char version[64];
    assert_true(ovp_figure_available(version, sizeof(version)));
    assert_int_equal(strncmp(version, "gnuplot ", 8), 0);
    assert_true(ovp_figure_available(NULL, 0));
    const ovp_figure_series series[] = {
        {.label = "band",
         .style = OVP_FIGURE_BAND,
         .n = 3,
         .x = wide,
         .y = change,
         .low = lower,
         .high = upper,
         .colour = -1},
        {.label = "points",
         .style = OVP_FIGURE_POINTS,
         .n = 3,
         .x = wide,
         .y = change,
         .low = lower,
         .high = upper,
         .colour = -1},
        {.label = "line", .style = OVP_FIGURE_LINE, .n = 3, .x = wide, .y = change, .colour = -1},
        {.label = "band only", .style = OVP_FIGURE_BAND, .n = 3, .x = wide, .low = lower, .high = upper, .colour = -1},
        {.label = "theory", .style = OVP_FIGURE_THEORY, .n = 3, .x = wide, .y = change, .colour = -1},
        {.label = "one",
         .style = OVP_FIGURE_BAND,
         .n = 1,
         .x = wide,
         .y = change,
         .low = lower,
         .high = upper,
         .colour = -1},
        {.style = OVP_FIGURE_LINE, .n = 3, .x = wide, .y = upper, .colour = -1},
        {.label = "published", .style = OVP_FIGURE_HLINE, .n = 1, .y = change, .colour = -1}};
    ovp_figure figure = plain(series, COUNT(series));
    for (int scale = 0; scale < 4; scale++) {
        figure.x_log = scale & 1;
        figure.y_log = scale >> 1;
        assert_ok(ctx, ovp_figure_render(ctx, folder, &figure));
        assert_true(png(in_folder("plot.png")));
        char *svg = get(in_folder("plot.svg"));
        assert_non_null(strstr(svg, "<svg"));
        assert_non_null(strstr(svg, "</svg>"));
        assert_non_null(strstr(svg, ">published<"));
        free(svg);
        assert_int_equal(hidden_files(folder), 0);
        unlink(in_folder("plot.png"));
        unlink(in_folder("plot.svg"));
    }
}

static void renders_nothing_drawable(void **state) {
    ovp_ctx *ctx = *state;
    const double zero[] = {0, -1, none};
    const ovp_figure_series series = {
        .label = "a", .style = OVP_FIGURE_LINE, .n = 3, .x = zero, .y = zero, .colour = -1};
    ovp_figure figure = plain(&series, 1);
    figure.x_log = figure.y_log = 1;
    assert_ok(ctx, ovp_figure_render(ctx, folder, &figure));
    figure.count = 0;
    figure.title = figure.x_label = figure.y_label = NULL;
    assert_ok(ctx, ovp_figure_render(ctx, folder, &figure));
    assert_true(png(in_folder("plot.png")));
}

/* Whatever a label holds is shown as it is, and no shell runs. */
static void renders_hostile_labels(void **state) {
    ovp_ctx *ctx = *state;
    char shell[600];
    snprintf(shell, sizeof(shell), "`touch %s` $(touch %s) '; system('touch %s'); '", in_folder("pwned"),
             in_folder("pwned"), in_folder("pwned"));
    const char *const labels[] = {"a_b^{c} \\alpha {x",
                                  "it's \"quoted\" @x ~y",
                                  "<script>alert(1)</script> &amp; </svg>",
                                  "50 % done\\",
                                  "bad \xff\xfe bytes ü ∝",
                                  "%g %s {/Symbol a} \\",
                                  shell};
    ovp_figure_series series[7];
    for (int i = 0; i < 7; i++)
        series[i] = (ovp_figure_series){
            .label = labels[i], .style = OVP_FIGURE_LINE, .n = 3, .x = wide, .y = change, .colour = -1};
    ovp_figure figure = plain(series, 7);
    figure.title = labels[0];
    figure.x_label = labels[5];
    figure.y_label = labels[2];
    assert_ok(ctx, ovp_figure_render(ctx, folder, &figure));
    assert_false(exists(in_folder("pwned")));
    char *svg = get(in_folder("plot.svg"));
    assert_null(strstr(svg, "<script"));
    static const char *const shown[] = {
        "a_b^{c} \\alpha {x",  "@x ~y", "&lt;script>alert(1)&lt;/script> &amp;amp;", "50 % done\\", "bad ?? bytes ü ∝",
        "%g %s {/Symbol a} \\"};
    for (int i = 0; i < COUNT(shown); i++)
        if (!strstr(svg, shown[i])) fail_msg("label %d is not shown as it is: %s", i, shown[i]);
    free(svg);
}

/* `cd dir && gnuplot name.gp` by hand, as the message and the report say. */
static void script_runs_by_itself(void **state) {
    ovp_ctx *ctx = *state;
    char program[4096];
    const ovp_figure_series series = {
        .label = "a", .style = OVP_FIGURE_LINE, .n = 3, .x = wide, .y = change, .colour = -1};
    const ovp_figure figure = plain(&series, 1);
    char *old = strdup(getenv("PATH"));
    assert_true(ovp_program_find(program, sizeof(program), "gnuplot"));
    setenv("PATH", folder, 1);
    assert_false(ovp_figure_available(NULL, 0));
    assert_fails(ctx, OVP_EUNAVAILABLE, "apt-get install gnuplot-nox", ovp_figure_render(ctx, folder, &figure));
    setenv("PATH", "relative:.:", 1); /* relative entries are not trusted */
    assert_fails(ctx, OVP_EUNAVAILABLE, "plot.gp", ovp_figure_render(ctx, folder, &figure));
    setenv("PATH", old, 1);
    free(old);
    assert_false(exists(in_folder("plot.svg")));
    assert_true(exists(in_folder("plot.dat")));
    ovp_program_result process;
    const ovp_program_options options = {.size = sizeof(options), .dir = folder, .timeout = 30};
    const char *const argv[] = {program, "plot.gp", NULL};
    ovp_program_run(&process, argv, &options);
    assert_int_equal(process.exit_code, 0);
    assert_string_equal(process.output, "");
    assert_true(png(in_folder("plot.png")));
    assert_true(exists(in_folder("plot.svg")));
}

static void same_figure_same_files(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_figure_series series = {
        .label = "a", .style = OVP_FIGURE_LINE, .n = 3, .x = wide, .y = change, .colour = -1};
    const ovp_figure figure = plain(&series, 1);
    char *gp[2], *dat[2];
    for (int i = 0; i < 2; i++) {
        assert_ok(ctx, ovp_figure_render(ctx, folder, &figure));
        gp[i] = get(in_folder("plot.gp"));
        dat[i] = get(in_folder("plot.dat"));
    }
    assert_string_equal(gp[0], gp[1]);
    assert_string_equal(dat[0], dat[1]);
    for (int i = 0; i < 2; i++) {
        free(gp[i]);
        free(dat[i]);
    }
}

static void refusals(void **state) {
    ovp_ctx *ctx = *state;
    ovp_figure figure = plain(NULL, 0);
    static const char *const bad[] = {"", "../x", "A", "a b", "a'b", "a.b"};
    for (int i = 0; i < COUNT(bad); i++) {
        figure.name = bad[i];
        assert_fails(ctx, OVP_EINVAL, "figure name", ovp_figure_render(ctx, folder, &figure));
    }
    figure.name = NULL;
    assert_fails(ctx, OVP_EINVAL, "figure name", ovp_figure_render(ctx, folder, &figure));
    figure.name = "plot";
    assert_fails(ctx, OVP_EINVAL, "folder", ovp_figure_render(ctx, "", &figure));
    assert_fails(ctx, OVP_EIO, "missing", ovp_figure_render(ctx, in_folder("missing"), &figure));
}

/* A program in gnuplot's place that misbehaves. */
static void broken_gnuplot(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        const char *script;
        ovp_status status;
        const char *words;
    } cases[] = {
        {"#!/bin/sh\necho 'plot x' >&2; echo '\"plot.gp\" line 3: undefined variable: x' >&2; exit 1\n", OVP_EINTERNAL,
         "undefined variable: x"},
        {"#!/bin/sh\nexit 0\n", OVP_EIO, "wrote no whole svg"},
        {"#!/bin/sh\neval $3; echo '<svg> half a drawing, the disk is full' > $stem.svg; cp $stem.svg $stem.png\n",
         OVP_EIO, "wrote no whole svg"},
        {"#!/bin/sh\neval $3; echo '<svg> a drawing </svg>' > $stem.svg; echo 'half a PNG, as it were' > $stem.png\n",
         OVP_EIO, "wrote no whole png"},
        {"#!/bin/sh\nkill -SEGV $$\n", OVP_EINTERNAL, "139"},
        {"#!/nonexistent\n", OVP_EUNAVAILABLE, "cannot start"},
    };
    const ovp_figure figure = plain(NULL, 0);
    char path[1024], *old = strdup(getenv("PATH"));
    mkdir(in_folder("bin"), 0777);
    snprintf(path, sizeof(path), "%s/bin:%s", folder, old);
    setenv("PATH", path, 1);
    for (int i = 0; i < COUNT(cases); i++) {
        put(in_folder("bin/gnuplot"), cases[i].script);
        chmod(in_folder("bin/gnuplot"), 0755);
        assert_fails(ctx, cases[i].status, cases[i].words, ovp_figure_render(ctx, folder, &figure));
        assert_true(exists(in_folder("plot.gp")));
        assert_false(exists(in_folder("plot.png")));
        assert_int_equal(hidden_files(folder), 0);
    }
    setenv("PATH", old, 1);
    free(old);
}

/* Every allocation in turn fails once. */
static void out_of_memory(void **state) {
    ovp_ctx *ctx = *state;
    char *old = strdup(getenv("PATH"));
    const ovp_figure_series series = {
        .label = "a", .style = OVP_FIGURE_LINE, .n = 3, .x = wide, .y = change, .colour = -1};
    const ovp_figure figure = plain(&series, 1);
    int n = 0;
    setenv("PATH", "/nonexistent", 1); /* up to gnuplot, which would take its time */
    for (; n < 1000; n++) {
        countdown left = {-1};
        const ovp_allocator hook = {countdown_alloc, countdown_release, &left};
        const ovp_ctx_options options = {.size = sizeof(options), .threads = 1, .allocator = &hook};
        ovp_ctx *poor;
        assert_ok(ctx, ovp_ctx_create(&poor, &options));
        left.left = n;
        ovp_status status = ovp_figure_render(poor, folder, &figure);
        int reached = left.left < 0;
        ovp_ctx_free(poor);
        assert_int_equal(status, reached ? OVP_ENOMEM : OVP_EUNAVAILABLE);
        if (!reached) break;
    }
    setenv("PATH", old, 1);
    free(old);
    assert_true(n > 3 && n < 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_hold_all_points),
        cmocka_unit_test(ranges_of_degenerate_data),
        CTX_TEST(tics_are_sensible),
        CTX_TEST(thinning_keeps_spikes_and_gaps),
        CTX_TEST(data_blocks),
        cmocka_unit_test(colours),
        CTX_TEST(quoting),
        FOLDER_TEST(renders),
        FOLDER_TEST(renders_nothing_drawable),
        FOLDER_TEST(renders_hostile_labels),
        FOLDER_TEST(script_runs_by_itself),
        FOLDER_TEST(same_figure_same_files),
        FOLDER_TEST(refusals),
        FOLDER_TEST(broken_gnuplot),
        FOLDER_TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
