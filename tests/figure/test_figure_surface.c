/* figure: maps as surfaces in space. Tests that draw need gnuplot on PATH. */
#include "folder.h"

#include "figure/figure_int.h"

#include <math.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
enum { ROWS = 4, COLS = 3 };

/* value = 10 row + column, on x = 0 .. 2, y = 5 .. 8 */
static double slope[ROWS * COLS];

static int fill(void **state) {
    (void)state;
    for (int i = 0; i < ROWS * COLS; i++) slope[i] = 10 * (i / COLS) + i % COLS;
    return 0;
}

static ovp_figure_map slope_map(void) {
    return (ovp_figure_map){.cols = COLS,
                            .rows = ROWS,
                            .values = slope,
                            .x_low = 0,
                            .x_high = 2,
                            .y_low = 5,
                            .y_high = 8,
                            .label = "height",
                            .surface = 1};
}

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
}

static int occurrences(const char *text, const char *word) {
    int count = 0;
    for (const char *p = text; (p = strstr(p, word)) != NULL; p++) count++;
    return count;
}

/* Far cells first (large y, small x), so that near ones cover them; contours on the floor; series over it. */
static void draws_surfaces(void **state) {
    ovp_ctx *ctx = *state;
    const double levels[] = {5, 15.5, 99}, x[] = {1}, y[] = {6}, z[] = {11};
    ovp_figure_map map = slope_map();
    map.levels = levels;
    map.level_count = COUNT(levels);
    const ovp_figure_series series[] = {
        {.label = "here", .style = OVP_FIGURE_POINTS, .n = 1, .x = x, .y = y, .z = z, .colour = 1}};
    const ovp_figure figure = {.name = "plot",
                               .title = "Slope",
                               .x_label = "one",
                               .y_label = "two",
                               .z_label = "three",
                               .map = &map,
                               .series = series,
                               .count = 1};
    static const char *const has[] = {"using (px($1,$2,$3)):(py($1,$2,$3)):3 with pm3d",
                                      "scansforward",
                                      "set palette defined (0 '#440154'",
                                      "unset colorbox",
                                      "'three'",
                                      "NaN with points"};
    draws(ctx, &figure, has, COUNT(has));
    char *dat = get(in_folder("plot.dat")), *gp = get(in_folder("plot.gp")), *svg = get(in_folder("plot.svg"));
    assert_non_null(strstr(dat, "\n0 8 30\n1 8 31\n2 8 32\n\n0 7 20\n1 7 21\n2 7 22\n\n0 6 10\n"));
    assert_true(strstr(dat, "0 8 30") < strstr(dat, "0 5 0\n"));
    assert_int_equal(occurrences(gp, "with pm3d notitle"), 1);
    assert_int_equal(occurrences(gp, "px($1,$2,0)"), 2); /* two of the levels are met; the floor is the lowest value */
    assert_true(strstr(gp, "with pm3d notitle") < strstr(gp, "with points"));
    assert_true(occurrences(svg, ">three<") == 1); /* labels are drawn once, though there are three plots */
    assert_non_null(strstr(svg, ">here<"));
    free(svg);
    free(gp);
    free(dat);
}

/* The box holds the rectangle without half cells, and the values. */
static void ranges_of_surfaces(void **state) {
    (void)state;
    ovp_figure_map map = slope_map();
    const ovp_figure figure = {.name = "plot", .map = &map};
    figure_frame frame = {.figure = &figure, .width = 300, .height = 250, .font = 10};
    assert_true(figure_is_surface(&figure) && figure_in_space(&figure) && figure_is_grid(&figure));
    figure_frame_ranges(&frame);
    assert_true(frame.space);
    assert_true(frame.x.low == 0 && frame.x.high == 2 && frame.y.low == 5 && frame.y.high == 8);
    assert_true(frame.z.low <= 0 && frame.z.high >= 32 && frame.z.high < 34);
    assert_true(frame.bar.low == 0 && frame.bar.high == 32);
    figure_space_ranges(&frame);
    for (int i = 0; i < ROWS * COLS; i++) {
        double u, v;
        figure_space_place(&frame, i % COLS, 5 + i / COLS, slope[i], &u, &v);
        assert_true(u > .02 && u < 1 && v > .02 && v < 1);
    }
    map.surface = 0;
    assert_false(figure_is_surface(&figure) || figure_in_space(&figure));
}

/* Many values are thinned, both ends kept; gaps stay gaps; flat, thin and empty surfaces are drawn; beside other
 * panels. */
static void draws_any_surface(void **state) {
    ovp_ctx *ctx = *state;
    static const ovp_idx sizes[][2] = {{51, 51}, {52, 27}, {100, 51}, {101, 51}, {102, 35}, {1024, 50}};
    double *many = calloc(1024 * 2, sizeof *many);
    ovp_figure_map map = slope_map();
    ovp_figure figure = {.name = "plot", .map = &map};
    static const char *const has[] = {"with pm3d"};
    for (int k = 0; k < COUNT(sizes); k++) {
        map.cols = sizes[k][0];
        map.rows = 2;
        map.values = many;
        for (ovp_idx i = 0; i < 2 * sizes[k][0]; i++) many[i] = (double)(i % sizes[k][0]);
        assert_ok(ctx, ovp_figure_render(ctx, folder, &figure));
        char *dat = get(in_folder("plot.dat")), last[64];
        ovp_idx points = 0;
        for (const char *at = dat; (at = strstr(at, " 8 ")) != NULL; at++) points++;
        snprintf(last, sizeof last, "\n2 8 %lld\n", (long long)sizes[k][0] - 1);
        assert_non_null(strstr(dat, last));
        /* and two ends of every grid line of the box at y = 8 */
        assert_true(points >= sizes[k][1] && points <= sizes[k][1] + 40);
        free(dat);
    }
    free(many);
    map = slope_map();
    slope[4] = NAN;
    slope[7] = INFINITY;
    draws(ctx, &figure, has, 1);
    char *dat = get(in_folder("plot.dat"));
    assert_non_null(strstr(dat, "1 6 NaN\n"));
    assert_non_null(strstr(dat, "1 7 NaN\n"));
    free(dat);
    for (int i = 0; i < ROWS * COLS; i++) slope[i] = 3;
    draws(ctx, &figure, has, 1);
    for (int i = 0; i < ROWS * COLS; i++) slope[i] = NAN;
    draws(ctx, &figure, has, 1);
    fill(NULL);
    ovp_figure_map flat = map;
    flat.surface = 0;
    const double x[] = {0, 1}, y[] = {1, 2};
    const ovp_figure_series line = {.label = "line", .n = 2, .x = x, .y = y, .colour = -1};
    const ovp_figure panels[] = {{.map = &map, .z_label = "z"}, {.map = &flat}, {.series = &line, .count = 1}};
    const ovp_figure grid = {.name = "plot", .panels = panels, .panel_count = 3};
    static const char *const both[] = {"with pm3d", "with image pixels"};
    draws(ctx, &grid, both, COUNT(both));
}

static void refuses_surfaces(void **state) {
    ovp_ctx *ctx = *state;
    const double x[] = {1};
    const ovp_figure_series plane = {.label = "plane", .style = OVP_FIGURE_POINTS, .n = 1, .x = x, .y = x};
    for (int k = 0; k < 5; k++) {
        ovp_figure_map map = slope_map();
        ovp_figure figure = {.name = "plot", .map = &map};
        const char *words = "2 x 2 or more";
        if (k == 0) map.log = 1;
        if (k == 1) map.no_fill = 1;
        if (k == 2) map.rows = 1;
        if (k == 3) map.cols = 1;
        if (k == 4) figure.series = &plane, figure.count = 1, words = "do not mix";
        assert_fails(ctx, OVP_EINVAL, words, ovp_figure_render(ctx, folder, &figure));
        assert_false(exists(in_folder("plot.gp")));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(draws_surfaces),
        cmocka_unit_test(ranges_of_surfaces),
        FOLDER_TEST(draws_any_surface),
        FOLDER_TEST(refuses_surfaces),
    };
    return cmocka_run_group_tests_name("surfaces", tests, fill, NULL);
}
