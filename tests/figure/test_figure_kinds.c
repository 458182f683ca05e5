/* figure: histograms, maps, contours, curves in space, panels: geometry against formulas, what the scripts hold, bad
 * descriptions. Tests that draw need gnuplot on PATH. */
#include "folder.h"

#include "figure/figure_int.h"

#include <math.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define N 41
static const double none = NAN;

/* values[j N + i] = x^2 + y^2 on [-2, 2]^2: the contours are circles. */
static double bowl[N * N], angle[100], hue[100], round_x[100], round_y[100], round_z[100];

static int fill(void **state) {
    (void)state;
    for (int j = 0; j < N; j++)
        for (int i = 0; i < N; i++) bowl[j * N + i] = pow(-2 + .1 * i, 2) + pow(-2 + .1 * j, 2);
    for (int i = 0; i < 100; i++) {
        angle[i] = 2 * 3.14159265358979323846 * i / 99;
        hue[i] = i / 99.;
        round_x[i] = cos(angle[i]);
        round_y[i] = sin(angle[i]);
        round_z[i] = cos(2 * angle[i]);
    }
    return 0;
}

static ovp_figure_map bowl_map(void) {
    return (ovp_figure_map){
        .cols = N, .rows = N, .values = bowl, .x_low = -2, .x_high = 2, .y_low = -2, .y_high = 2, .label = "height"};
}

static ovp_figure_series knot(void) {
    return (ovp_figure_series){.label = "knot",
                               .style = OVP_FIGURE_LINE,
                               .n = 100,
                               .x = round_x,
                               .y = round_y,
                               .z = round_z,
                               .hue = hue,
                               .colour = -1};
}

/* ---- contours ------------------------------------------------------------------------------------ */

static void contours_lie_on_the_level(void **state) {
    ovp_ctx *ctx = *state;
    ovp_figure_map map = bowl_map();
    double *points;
    ovp_idx count;
    assert_ok(ctx, figure_contour_lines(&points, &count, ctx, &map, 1));
    /* One closed line. Between two values h apart, linear interpolation of s^2 is off by at most h^2 / 4. */
    assert_true(count > 40);
    for (ovp_idx i = 0; i < count - 1; i++) {
        double level = points[2 * i] * points[2 * i] + points[2 * i + 1] * points[2 * i + 1];
        assert_true(fabs(level - 1) <= .1 * .1 / 4 + 1e-12);
        if (i) assert_true(hypot(points[2 * i] - points[2 * i - 2], points[2 * i + 1] - points[2 * i - 1]) < .15);
    }
    assert_true(isnan(points[2 * count - 1]));
    assert_true(points[0] == points[2 * count - 4] && points[1] == points[2 * count - 3]);
    ovp_free(ctx, points);
    /* The circle of radius 2.5 leaves the square: four open lines, in the corners. */
    assert_ok(ctx, figure_contour_lines(&points, &count, ctx, &map, 6.25));
    int lines = 0;
    for (ovp_idx i = 0; i < count; i++) lines += isnan(points[2 * i]);
    assert_int_equal(lines, 4);
    ovp_free(ctx, points);
    assert_ok(ctx, figure_contour_lines(&points, &count, ctx, &map, 100));
    assert_null(points);
    assert_int_equal(count, 0);
    map.log = 1; /* linear in the logarithm, which has no value in the middle (0) */
    assert_ok(ctx, figure_contour_lines(&points, &count, ctx, &map, 1));
    for (ovp_idx i = 0; i < count - 1; i++) assert_true(fabs(hypot(points[2 * i], points[2 * i + 1]) - 1) < .01);
    ovp_free(ctx, points);
}

static void contours_of_saddles_and_gaps(void **state) {
    ovp_ctx *ctx = *state;
    /* The middle of the cell is .5: below .6 the two high corners are apart, above .4 they hang together; two pieces
     * each time, that cut off the high corners or the low ones. */
    const double saddle[] = {1, 0, 0, 1}, gap[] = {0, 0, 0, 1, none, 1, 2, 2, 2};
    ovp_figure_map map = {.cols = 2, .rows = 2, .values = saddle, .x_high = 1, .y_high = 1};
    double *points;
    ovp_idx count;
    for (int high = 0; high < 2; high++) {
        assert_ok(ctx, figure_contour_lines(&points, &count, ctx, &map, high ? .6 : .4));
        assert_int_equal(count, 6);
        for (int k = 0; k < 2; k++) {
            /* x + y along a piece: near (0, 0) or (1, 1) it stays under 1 or over 1; otherwise both ends add up to 1.
             */
            double a = points[6 * k] + points[6 * k + 1], b = points[6 * k + 2] + points[6 * k + 3];
            if (high)
                assert_true((a < 1) == (b < 1));
            else
                assert_true((a < 1) != (b < 1));
        }
        ovp_free(ctx, points);
    }
    /* All four cells have the missing value in a corner: no line. */
    map = (ovp_figure_map){.cols = 3, .rows = 3, .values = gap, .x_high = 1, .y_high = 1};
    assert_ok(ctx, figure_contour_lines(&points, &count, ctx, &map, .5));
    assert_int_equal(count, 0);
    assert_null(points);
    map.cols = 9, map.rows = 1; /* a single row has no cells */
    assert_ok(ctx, figure_contour_lines(&points, &count, ctx, &map, .5));
    assert_int_equal(count, 0);
}

/* ---- colours and ranges -------------------------------------------------------------------------- */

static double lightness(unsigned c) {
    return .2126 * (c >> 16) + .7152 * ((c >> 8) & 255u) + .0722 * (c & 255u);
}

static void hues_are_cyclic(void **state) {
    (void)state;
    assert_int_equal(figure_hue(0), figure_hue(1));
    for (int i = 0; i < 100; i++) {
        unsigned a = figure_hue(i / 100.), b = figure_hue((i + 1) / 100.);
        assert_true(lightness(a) < 190); /* seen on white */
        for (int shift = 0; shift <= 16; shift += 8)
            assert_true(abs((int)((a >> shift) & 255u) - (int)((b >> shift) & 255u)) <= 10);
        assert_int_not_equal(a, b);
    }
    /* Magenta dark, green light: told apart without red and green. */
    assert_true(lightness(figure_hue(.5)) > lightness(figure_hue(0)) + 50);
}

static void ranges_of_kinds(void **state) {
    (void)state;
    ovp_figure_map map = bowl_map();
    ovp_figure figure = {.name = "plot", .map = &map};
    figure_drawn drawn[1];
    figure_frame frame = {.figure = &figure, .drawn = drawn};
    figure_frame_ranges(&frame);
    assert_true(fabs(frame.x.low + 2.05) < 1e-12 && fabs(frame.y.high - 2.05) < 1e-12); /* half a cell */
    assert_true(fabs(frame.bar.low) < 1e-12 && fabs(frame.bar.high - 8) < 1e-12);
    map.no_fill = 1;
    map.low = 1;
    map.high = 3;
    figure_frame_ranges(&frame);
    assert_true(frame.x.low == -2 && frame.y.high == 2 && frame.bar.low == 1 && frame.bar.high == 3);
    /* Bars: the bins on x, 0 on y. */
    const double x[] = {1.5, 2.5}, y[] = {3, 4}, low[] = {1, 2}, high[] = {2, 3};
    const ovp_figure_series bars = {
        .style = OVP_FIGURE_BARS, .n = 2, .x = x, .y = y, .low = low, .high = high, .colour = -1};
    figure = (ovp_figure){.name = "plot", .series = &bars, .count = 1};
    figure_frame_ranges(&frame);
    assert_true(frame.x.low < 1 && frame.x.low > .9 && frame.x.high > 3 && frame.x.high < 3.1);
    assert_true(frame.y.low == 0 && frame.y.high > 4 && frame.y.high < 4.2);
    /* Equal axes: a flat strip of data gets room above and below. */
    const double flat[] = {0, .001};
    const ovp_figure_series line = {.style = OVP_FIGURE_LINE, .n = 2, .x = low, .y = flat, .colour = -1};
    figure = (ovp_figure){.name = "plot", .series = &line, .count = 1, .equal_axes = 1};
    figure_frame_ranges(&frame);
    assert_true(fabs((frame.y.high - frame.y.low) / (frame.x.high - frame.x.low) - .4) < 1e-9);
}

static void numbers(void **state) {
    ovp_ctx *ctx = *state;
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {{0, 3, "0"},          {.25, 3, "0.25"},
                 {.1 + .2, 3, "0.3"},  {-1.2, 3, "−1.2"},
                 {100, 3, "100"},      {1234567, 3, "1.23×10^{6}"},
                 {1e-6, 3, "10^{−6}"}, {-2.5e-7, 3, "−2.5×10^{−7}"},
                 {100.5, 6, "100.5"}};
    for (int i = 0; i < COUNT(cases); i++) {
        ovp_text text = {.ctx = ctx};
        figure_number(&text, cases[i].value, cases[i].digits);
        assert_string_equal(text.data, cases[i].text);
        ovp_text_free(&text);
    }
}

/* ---- scripts ------------------------------------------------------------------------------------- */

static void draws(ovp_ctx *ctx, const ovp_figure *figure, const char *const *has, int count) {
    assert_ok(ctx, ovp_figure_render(ctx, folder, figure));
    char *gp = get(in_folder("plot.gp")), *svg = get(in_folder("plot.svg")), *png = get(in_folder("plot.png"));
    for (int i = 0; i < count; i++)
        if (!strstr(gp, has[i])) fail_msg("no %s in %s", has[i], gp);
    assert_non_null(strstr(svg, "</svg>"));
    assert_int_equal(memcmp(png, "\x89PNG\r\n\x1a\n", 8), 0);
    free(gp);
    free(svg);
    free(png);
    assert_int_equal(hidden_files(folder), 0);
}

static void draws_histograms(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {1.5, 2.5, 3.5}, y[] = {3, 4, 0}, low[] = {1, 2, 3}, high[] = {2, 3, 4};
    const ovp_figure_series series[] = {
        {.label = "a", .style = OVP_FIGURE_THEORY, .n = 3, .x = x, .y = y, .colour = -1},
        {.label = "b", .style = OVP_FIGURE_BARS, .n = 3, .x = x, .y = y, .low = low, .high = high, .colour = -1}};
    ovp_figure figure = {.name = "plot", .title = "t", .series = series, .count = 2};
    static const char *const has[] = {"index 1 using 1:2:3:4:(0):2 with boxxyerror", "transparent solid 0.45",
                                      "NaN with boxes"};
    draws(ctx, &figure, has, COUNT(has));
    char *gp = get(in_folder("plot.gp"));
    assert_true(strstr(gp, "boxxyerror") < strstr(gp, "dashtype")); /* the density over the bars */
    free(gp);
    figure.y_log = figure.x_log = 1;
    draws(ctx, &figure, has + 1, 1);
}

/* Lines of one look without a label of their own share one data block: gnuplot reads the file anew for each. */
static void lines_share_a_block(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {1, 2, NAN}, y[] = {3, 4, 5}, absent[] = {NAN, NAN};
    const ovp_figure_series series[] = {
        {.label = "paths", .style = OVP_FIGURE_LINE, .n = 2, .x = x, .y = y, .colour = 1},
        {.style = OVP_FIGURE_LINE, .n = 2, .x = absent, .y = y, .colour = 1},
        {.style = OVP_FIGURE_LINE, .n = 2, .x = y, .y = x, .colour = 1},
        {.style = OVP_FIGURE_LINE, .n = 2, .x = x, .y = x, .colour = 2},
        {.label = "more", .style = OVP_FIGURE_LINE, .n = 2, .x = x, .y = x, .colour = 2}};
    const ovp_figure figure = {.name = "plot", .title = "t", .series = series, .count = COUNT(series)};
    static const char *const has[] = {"index 0 using", "index 1 using", "index 2 using"};
    draws(ctx, &figure, has, COUNT(has));
    char *gp = get(in_folder("plot.gp")), *dat = get(in_folder("plot.dat"));
    assert_null(strstr(gp, "index 3 using"));
    assert_string_equal(strchr(dat, '\n'), "\n1 3 3 3\n2 4 4 4\n\n3 1 1 1\n4 2 2 2\n\n\n1 1 1 1\n2 2 2 2\n\n\n"
                                           "1 1 1 1\n2 2 2 2\n");
    free(gp);
    free(dat);
}

static void draws_maps(void **state) {
    ovp_ctx *ctx = *state;
    const double levels[] = {1, 2, 4, 100};
    ovp_figure_map map = bowl_map();
    map.levels = levels;
    map.level_count = COUNT(levels);
    const ovp_figure_series series[] = {
        {.label = "path", .style = OVP_FIGURE_LINE, .n = 100, .x = round_x, .y = round_y, .hue = hue, .colour = -1},
        {.label = "ends", .style = OVP_FIGURE_POINTS, .n = 2, .x = round_x, .y = round_y, .colour = -1}};
    ovp_figure figure = {.name = "plot",
                         .title = "unbalanced {brace 'quote",
                         .x_label = "x {",
                         .y_label = "}y",
                         .map = &map,
                         .series = series,
                         .count = 2,
                         .equal_axes = 1};
    static const char *const filled[] = {"with image pixels",
                                         "set palette defined (0 '#440154'",
                                         "set colorbox",
                                         "set label 100 '1' at",
                                         "set label 102 '4' at",
                                         "set size ratio -1",
                                         "linecolor rgb variable",
                                         "'height'",
                                         "linecolor rgb '#ffffff' linewidth 4"};
    draws(ctx, &figure, filled, COUNT(filled));
    char *svg = get(in_folder("plot.svg"));
    assert_non_null(strstr(svg, "unbalanced {brace 'quote"));
    assert_non_null(strstr(svg, ">ends<"));
    free(svg);
    map.no_fill = 1;
    static const char *const lines[] = {"unset colorbox", "set label 101 '2' at"};
    draws(ctx, &figure, lines, COUNT(lines));
    char *gp = get(in_folder("plot.gp"));
    assert_null(strstr(gp, "with image"));
    assert_null(strstr(gp, "set label 103")); /* no line, no label */
    free(gp);
    map.no_fill = 0;
    map.log = 1;
    bowl[0] = none;
    bowl[1] = INFINITY;
    bowl[2] = -1;
    static const char *const log_map[] = {"set logscale cb"};
    draws(ctx, &figure, log_map, 1);
    char *dat = get(in_folder("plot.dat"));
    assert_non_null(strstr(dat, "-2 -2 NaN\n-1.9 -2 NaN\n-1.8 -2 NaN\n"));
    free(dat);
    fill(NULL);
    map = bowl_map(); /* too fine for rectangles: an image in the SVG, too */
    map.cols = 200;
    map.rows = 170;
    double *fine = calloc(200 * 170, sizeof *fine);
    assert_non_null(fine);
    map.values = fine;
    static const char *const image[] = {"using 1:2:3 with image notitle"};
    draws(ctx, &figure, image, 1);
    gp = get(in_folder("plot.gp"));
    assert_null(strstr(gp, "image pixels"));
    free(gp);
    free(fine);
    for (int k = 0; k < 4; k++) { /* thin, constant and empty maps */
        const double empty[] = {none, none};
        map = bowl_map();
        map.cols = k & 1 ? 2 : 1;
        map.rows = 1;
        if (k >= 2) map.values = empty;
        draws(ctx, &figure, filled, 1);
    }
}

static void draws_space(void **state) {
    ovp_ctx *ctx = *state;
    ovp_figure_series series[] = {knot(), knot()};
    series[1].style = OVP_FIGURE_POINTS;
    series[1].hue = NULL;
    ovp_figure figure = {.name = "plot",
                         .title = "Knot",
                         .x_label = "one",
                         .y_label = "two",
                         .z_label = "three",
                         .series = series,
                         .count = 2};
    static const char *const has[] = {"azimuth = ",   "(2.*(t-" /* real, not integer, division */,
                                      "px(x,y,z) = ", "using (px($1,$2,$3)):(py($1,$2,$3)):4 with lines",
                                      "'three'",      "NaN with points"};
    for (int equal = 0; equal < 2; equal++) {
        figure.equal_axes = equal;
        draws(ctx, &figure, has, COUNT(has));
    }
    double gone[100];
    for (int i = 0; i < 100; i++) gone[i] = i % 10 ? round_z[i] : none;
    series[0].z = gone; /* gaps */
    draws(ctx, &figure, has, COUNT(has));
    for (int i = 0; i < 100; i++) gone[i] = none;
    series[1].z = gone;
    static const char *const nothing[] = {"no point to draw"};
    draws(ctx, &figure, nothing, 1);
}

/* What the script computes is what the layout counted on: all of the curve inside the plot. */
static void space_is_inside(void **state) {
    (void)state;
    const ovp_figure_series series = knot();
    const ovp_figure figure = {.name = "plot", .z_label = "z", .series = &series, .count = 1};
    figure_drawn drawn[1];
    figure_frame frame = {.figure = &figure, .drawn = drawn, .width = 300, .height = 250, .font = 10};
    figure_frame_ranges(&frame);
    assert_true(frame.space);
    figure_space_ranges(&frame);
    for (int i = 0; i < 100; i++) {
        double u, v;
        figure_space_place(&frame, round_x[i], round_y[i], round_z[i], &u, &v);
        assert_true(u > .05 && u < .99 && v > .03 && v < 1);
    }
    /* A pixel is as wide as high, and what is nearer looks larger: the front edge against the one behind. */
    assert_true(fabs((frame.u_high - frame.u_low) / 300 - (frame.v_high - frame.v_low) / 250) < 1e-12);
    double front[2], back[2], u;
    figure_space_place(&frame, 1, -1, -1, &u, &front[0]);
    figure_space_place(&frame, 1, -1, 1, &u, &front[1]);
    figure_space_place(&frame, -1, 1, -1, &u, &back[0]);
    figure_space_place(&frame, -1, 1, 1, &u, &back[1]);
    assert_true(front[1] - front[0] > 1.2 * (back[1] - back[0]));
    assert_true(back[0] > front[0]);
}

static int occurrences(const char *text, const char *word) {
    int count = 0;
    for (const char *p = text; (p = strstr(p, word)) != NULL; p++) count++;
    return count;
}

static void draws_panels(void **state) {
    ovp_ctx *ctx = *state;
    ovp_figure_map map = bowl_map();
    const double x[] = {1, 10, 100}, y[] = {1, .1, .01};
    const ovp_figure_series circle = knot(), line = {.label = "loss", .n = 3, .x = x, .y = y, .colour = -1},
                            other = {.label = "error", .n = 3, .x = x, .y = y, .colour = -1};
    ovp_figure panels[] = {{.title = "log it's", .x_log = 1, .y_log = 1, .series = &line, .count = 1},
                           {.title = "space", .z_label = "up", .series = &circle, .count = 1},
                           {.title = "map", .map = &map},
                           {.title = "empty"}};
    ovp_figure figure = {.name = "plot", .title = "All", .panels = panels, .panel_count = 4};
    static const char *const has[] = {"set multiplot", "'log it''s'",      "'space'",       "'map'",
                                      "'empty'",       "no point to draw", "set key inside"};
    draws(ctx, &figure, has, COUNT(has));
    char *gp = get(in_folder("plot.gp"));
    assert_int_equal(occurrences(gp, "\nplot "), 4); /* legends in corners: none below */
    assert_int_equal(occurrences(gp, "title 'loss'"), 1);
    free(gp);
    /* The same entry in two panels: once, below. */
    panels[3] = panels[0];
    draws(ctx, &figure, has, 5 - 1);
    gp = get(in_folder("plot.gp"));
    assert_int_equal(occurrences(gp, "title 'loss'"), 1);
    assert_int_equal(occurrences(gp, "\nplot "), 5);
    free(gp);
    /* More columns: wider; more rows: higher. */
    int size[3][2];
    for (int columns = 1; columns <= 3; columns++) {
        figure.panel_columns = columns;
        panels[3].series = &other;
        draws(ctx, &figure, has, 1);
        gp = get(in_folder("plot.gp"));
        assert_int_equal(sscanf(strstr(gp, "svg size ") + 9, "%d,%d", &size[columns - 1][0], &size[columns - 1][1]), 2);
        free(gp);
    }
    assert_true(size[0][0] < size[1][0] && size[1][0] < size[2][0]);
    assert_true(size[0][1] > size[1][1] && size[1][1] > size[2][1]);
}

static void same_figure_same_files(void **state) {
    ovp_ctx *ctx = *state;
    ovp_figure_map map = bowl_map();
    const double levels[] = {1, 3};
    map.levels = levels;
    map.level_count = 2;
    const ovp_figure_series circle = knot();
    const ovp_figure panels[] = {{.series = &circle, .count = 1}, {.map = &map}};
    const ovp_figure figure = {.name = "plot", .panels = panels, .panel_count = 2};
    static const char *const kinds[] = {"plot.gp", "plot.dat", "plot.svg"};
    char *first[COUNT(kinds)];
    for (int run = 0; run < 2; run++) {
        assert_ok(ctx, ovp_figure_render(ctx, folder, &figure));
        for (int k = 0; k < COUNT(kinds); k++) {
            char *text = get(in_folder(kinds[k]));
            if (run) {
                assert_string_equal(first[k], text);
                free(first[k]);
                free(text);
            } else
                first[k] = text;
        }
    }
}

static void long_curves_are_thinned(void **state) {
    ovp_ctx *ctx = *state;
    enum { MANY = 50000 };
    double *values;
    assert_ok(ctx, ovp_alloc(ctx, &values, MANY, sizeof *values));
    for (int i = 0; i < MANY; i++) values[i] = i; /* increasing: in space a path all the same */
    const ovp_figure_series series = {.n = MANY, .x = values, .y = values, .z = values, .colour = -1};
    const figure_axis axis = {.low = 0, .high = MANY};
    ovp_idx keep[FIGURE_MAX_POINTS];
    assert_int_equal(figure_thin(&series, &axis, &axis, FIGURE_MAX_POINTS, keep), FIGURE_MAX_POINTS);
    assert_int_equal(keep[0], 0);
    assert_int_equal(keep[FIGURE_MAX_POINTS - 1], MANY - 1);
    ovp_free(ctx, values);
}

/* ---- bad descriptions ---------------------------------------------------------------------------- */

static void refuses_maps(void **state) {
    ovp_ctx *ctx = *state;
    const double bad_level[] = {1, none}, low_level[] = {-1};
    for (int k = 0; k < 16; k++) {
        ovp_figure_map map = bowl_map();
        const ovp_figure_series circle = knot();
        ovp_figure figure = {.name = "plot", .map = &map};
        const char *words = "";
        switch (k) {
        case 0:
            map.cols = 0, words = "0 x 41";
            break;
        case 1:
            map.rows = -3, words = "41 x -3";
            break;
        case 2:
            map.cols = (ovp_idx)1 << 62, map.rows = 4, words = "in all are allowed";
            break;
        case 3:
            map.values = NULL, words = "values are NULL";
            break;
        case 4:
            map.x_low = none, words = "x_low is nan";
            break;
        case 5:
            map.y_high = INFINITY, words = "y_high is inf";
            break;
        case 6:
            map.x_high = -2, words = "must lie below";
            break;
        case 7:
            map.low = 2, map.high = 1, words = "low < high";
            break;
        case 8:
            map.log = 1, map.low = -1, map.high = 1, words = "low > 0";
            break;
        case 9:
            map.level_count = -1, words = "-1 contour levels";
            break;
        case 10:
            map.level_count = 2, words = "(NULL)";
            break;
        case 11:
            map.levels = bad_level, map.level_count = 2, words = "level 1 is nan";
            break;
        case 12:
            map.log = 1, map.levels = low_level, map.level_count = 1, words = "finite positive";
            break;
        case 13:
            figure.x_log = 1, words = "axes of a map are linear";
            break;
        case 14:
            figure.series = &circle, figure.count = 1, words = "a map is plane";
            break;
        default:
            map.levels = bad_level, map.level_count = 101, words = "101 contour levels";
            break;
        }
        assert_fails(ctx, OVP_EINVAL, words, ovp_figure_render(ctx, folder, &figure));
        assert_false(exists(in_folder("plot.gp")));
    }
}

static void refuses_series(void **state) {
    ovp_ctx *ctx = *state;
    double bad_hue[100];
    for (int i = 0; i < 100; i++) bad_hue[i] = i == 7 ? 1.5 : 0;
    for (int k = 0; k < 11; k++) {
        ovp_figure_series series[2] = {knot(), knot()};
        ovp_figure figure = {.name = "plot", .series = series, .count = 2};
        const char *words = "";
        switch (k) {
        case 0:
            series[1].z = NULL, words = "series 1 has no z";
            break;
        case 1:
            series[0].z = NULL, words = "series 1 has a z";
            break;
        case 2:
            series[1].style = OVP_FIGURE_BAND, words = "LINE or POINTS";
            break;
        case 3:
            series[1].n = -1, words = "-1 points";
            break;
        case 4:
            series[0].x = NULL, words = "x is NULL";
            break;
        case 5:
            series[0].y = NULL, words = "y is NULL";
            break;
        case 6:
            series[0].hue = bad_hue, words = "hue[7] = 1.5";
            break;
        case 7:
            figure.y_log = 1, words = "axes in space are linear";
            break;
        case 8:
            figure.count = -1, words = "-1 series";
            break;
        case 9:
            figure.series = NULL, words = "(NULL)";
            break;
        default:
            series[0].z = series[1].z = NULL;
            series[0].style = OVP_FIGURE_BARS;
            words = "bars need low and high";
        }
        assert_fails(ctx, OVP_EINVAL, words, ovp_figure_render(ctx, folder, &figure));
    }
    ovp_figure_series plane = knot();
    plane.z = NULL;
    const ovp_figure equal = {.name = "plot", .series = &plane, .count = 1, .equal_axes = 1, .x_log = 1};
    assert_fails(ctx, OVP_EINVAL, "equal axes are linear", ovp_figure_render(ctx, folder, &equal));
    plane.style = OVP_FIGURE_THEORY;
    const ovp_figure dashed = {.name = "plot", .series = &plane, .count = 1};
    assert_fails(ctx, OVP_EINVAL, "has a hue", ovp_figure_render(ctx, folder, &dashed));
}

static void refuses_panels(void **state) {
    ovp_ctx *ctx = *state;
    const ovp_figure_series bad = {.n = 3};
    ovp_figure inner = {.name = "inner"}, panels[2] = {{.name = "a"}, {.panels = &inner, .panel_count = 1}};
    ovp_figure figure = {.name = "plot", .panels = panels, .panel_count = 2};
    assert_fails(ctx, OVP_EINVAL, "panel 1 has panels", ovp_figure_render(ctx, folder, &figure));
    panels[1] = (ovp_figure){.series = &bad, .count = 1};
    assert_fails(ctx, OVP_EINVAL, "panel 1: series 0", ovp_figure_render(ctx, folder, &figure));
    figure.panel_count = -1;
    assert_fails(ctx, OVP_EINVAL, "-1 panels", ovp_figure_render(ctx, folder, &figure));
    figure.panel_count = 101;
    assert_fails(ctx, OVP_EINVAL, "101 panels", ovp_figure_render(ctx, folder, &figure));
    figure.panel_count = 1;
    figure.panel_columns = -1;
    assert_fails(ctx, OVP_EINVAL, "panel_columns = -1", ovp_figure_render(ctx, folder, &figure));
    figure.panels = NULL;
    assert_fails(ctx, OVP_EINVAL, "(NULL)", ovp_figure_render(ctx, folder, &figure));
}

/* Every allocation in turn fails once. */
static void out_of_memory(void **state) {
    ovp_ctx *ctx = *state;
    char *old = strdup(getenv("PATH"));
    ovp_figure_map map = bowl_map();
    const double levels[] = {1};
    map.levels = levels;
    map.level_count = 1;
    const ovp_figure_series circle = knot();
    const ovp_figure panels[] = {{.series = &circle, .count = 1}, {.map = &map, .y_label = "y"}};
    const ovp_figure figure = {.name = "plot", .panels = panels, .panel_count = 2};
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
    assert_true(n > 10 && n < 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CTX_TEST(contours_lie_on_the_level),
        CTX_TEST(contours_of_saddles_and_gaps),
        cmocka_unit_test(hues_are_cyclic),
        cmocka_unit_test(ranges_of_kinds),
        CTX_TEST(numbers),
        FOLDER_TEST(draws_histograms),
        FOLDER_TEST(lines_share_a_block),
        FOLDER_TEST(draws_maps),
        FOLDER_TEST(draws_space),
        cmocka_unit_test(space_is_inside),
        FOLDER_TEST(draws_panels),
        FOLDER_TEST(same_figure_same_files),
        CTX_TEST(long_curves_are_thinned),
        FOLDER_TEST(refuses_maps),
        FOLDER_TEST(refuses_series),
        FOLDER_TEST(refuses_panels),
        FOLDER_TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
