/* Curves in space: the script projects them itself, in perspective, so that tics and labels have their place in panels
 * of every size (gnuplot's splot knows parallel projection only). The box stands on its floor with two walls behind. */
#include "figure/figure_int.h"

#include <math.h>

/* Direction of view: degrees about the vertical, degrees above the floor; distance of the eye in half edges. */
#define AZIMUTH (-37.)
#define ELEVATION 22.
#define DISTANCE 7.
#define RADIANS (3.14159265358979323846 / 180)

/* Half lengths of the box: 1, with equal axes in proportion to the ranges. */
static void halves(const figure_frame *frame, double half[3]) {
    const figure_axis *axes[3] = {&frame->x, &frame->y, &frame->z};
    double most = 0;
    for (int k = 0; k < 3; k++) most = fmax(most, axes[k]->high - axes[k]->low);
    for (int k = 0; k < 3; k++) half[k] = frame->figure->equal_axes ? (axes[k]->high - axes[k]->low) / most : 1;
}

static void project(const figure_frame *frame, double x, double y, double z, double *u, double *v) {
    const double sa = sin(AZIMUTH * RADIANS), ca = cos(AZIMUTH * RADIANS), se = sin(ELEVATION * RADIANS),
                 ce = cos(ELEVATION * RADIANS);
    double half[3];
    halves(frame, half);
    double nx = half[0] * (2 * figure_place(&frame->x, x) - 1), ny = half[1] * (2 * figure_place(&frame->y, y) - 1),
           nz = half[2] * (2 * figure_place(&frame->z, z) - 1);
    double back = sa * nx + ca * ny, near = DISTANCE / (DISTANCE + ce * back - se * nz);
    *u = (ca * nx - sa * ny) * near;
    *v = (ce * nz + se * back) * near;
}

void figure_space_place(const figure_frame *frame, double x, double y, double z, double *u, double *v) {
    project(frame, x, y, z, u, v);
    *u = (*u - frame->u_low) / (frame->u_high - frame->u_low);
    *v = (*v - frame->v_low) / (frame->v_high - frame->v_low);
}

void figure_space_view(ovp_text *gp) {
    ovp_text_add(
        gp,
        "# Direction of view in degrees: about the vertical, above the floor. Distance of the eye in half edges.\n"
        "azimuth = %g\nelevation = %g\ndistance = %g\n"
        "sa = sin(azimuth*pi/180); ca = cos(azimuth*pi/180)\n"
        "se = sin(elevation*pi/180); ce = cos(elevation*pi/180)\n\n",
        AZIMUTH, ELEVATION, DISTANCE);
}

/* ---- layout --------------------------------------------------------------------------------------- */

typedef struct ladder { /* tics k = from..to at k step */
    double step;
    ovp_idx from, to;
} ladder;

static ladder steps(const figure_axis *axis, int most) {
    int e;
    double m = figure_step(axis, most, &e), step = e < 0 ? m / pow(10, -e) : m * pow(10, e);
    return (ladder){step, (ovp_idx)ceil(axis->low / step - 1e-9), (ovp_idx)floor(axis->high / step + 1e-9)};
}

/* At most about so many tics, but two at least: labels with powers of ten are wide and come in small numbers. */
static int most_tics(const figure_frame *frame, const figure_axis *axis) {
    const double largest = fmax(fabs(axis->low), fabs(axis->high));
    const int powers = largest < 1e-3 || largest >= 1e6;
    int most = powers ? 2 : (int)fmax(4, fmin(6, fmin(frame->width, frame->height) / 80));
    while (most < 10 && steps(axis, most).to <= steps(axis, most).from) most++;
    return most;
}

/* k step with the rounding error of a decimal only. */
static double tic(const figure_axis *axis, int most, ovp_idx k) {
    int e;
    double m = figure_step(axis, most, &e) * (double)k;
    return e < 0 ? m / pow(10, -e) : m * pow(10, e);
}

/* Pixels of the widest tic label. */
static double label_width(const figure_frame *frame, const figure_axis *axis) {
    int most = most_tics(frame, axis), longest = 0;
    ladder l = steps(axis, most);
    for (ovp_idx k = l.from; k <= l.to; k++) {
        char number[32];
        (void)ovp_format_real(number, tic(axis, most, k));
        int columns = figure_columns(number);
        if (columns > 8) columns = 8;
        if (columns > longest) longest = columns;
    }
    return .62 * frame->font * longest;
}

static int has(const char *text) {
    return text && text[0];
}

void figure_space_ranges(figure_frame *frame) {
    const ovp_figure *figure = frame->figure;
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, font = frame->font;
    for (int c = 0; c < 8; c++) {
        double u, v;
        project(frame, c & 1 ? frame->x.high : frame->x.low, c & 2 ? frame->y.high : frame->y.low,
                c & 4 ? frame->z.high : frame->z.low, &u, &v);
        low[0] = fmin(low[0], u);
        high[0] = fmax(high[0], u);
        low[1] = fmin(low[1], v);
        high[1] = fmax(high[1], v);
    }
    double left =
        fmax(label_width(frame, &frame->z) + (has(figure->z_label) ? font + 8 : 0), label_width(frame, &frame->x)) + 12;
    double right = label_width(frame, &frame->y) + 12;
    double bottom = font + 8 + (has(figure->x_label) || has(figure->y_label) ? .8 * font : 0), top = 4;
    double scale =
        fmin((frame->width - left - right) / (high[0] - low[0]), (frame->height - top - bottom) / (high[1] - low[1]));
    double spare = frame->height - top - bottom - scale * (high[1] - low[1]);
    double wide = frame->width - left - right - scale * (high[0] - low[0]);
    frame->u_low = low[0] - (left + .5 * wide) / scale;
    frame->u_high = high[0] + (right + .5 * wide) / scale;
    frame->v_low = low[1] - (bottom + .5 * spare) / scale;
    frame->v_high = high[1] + (top + .5 * spare) / scale;
}

/* ---- box ------------------------------------------------------------------------------------------ */

static void add_line(ovp_text *dat, int *first, double x0, double y0, double z0, double x1, double y1, double z1) {
    if (!*first) ovp_text_add(dat, "\n");
    figure_add_number(dat, x0, " ");
    figure_add_number(dat, y0, " ");
    figure_add_number(dat, z0, "\n");
    figure_add_number(dat, x1, " ");
    figure_add_number(dat, y1, " ");
    figure_add_number(dat, z1, "\n");
    *first = 0;
}

void figure_space_blocks(figure_frame *frame, int *block, ovp_text *dat) {
    const figure_axis *x = &frame->x, *y = &frame->y, *z = &frame->z;
    int most = most_tics(frame, x), first = 1;
    ladder l = steps(x, most);
    if (*block > 0) ovp_text_add(dat, "\n\n");
    for (ovp_idx k = l.from; k <= l.to; k++) {
        double t = tic(x, most, k);
        add_line(dat, &first, t, y->low, z->low, t, y->high, z->low);
        add_line(dat, &first, t, y->high, z->low, t, y->high, z->high);
    }
    most = most_tics(frame, y);
    l = steps(y, most);
    for (ovp_idx k = l.from; k <= l.to; k++) {
        double t = tic(y, most, k);
        add_line(dat, &first, x->low, t, z->low, x->high, t, z->low);
        add_line(dat, &first, x->low, t, z->low, x->low, t, z->high);
    }
    most = most_tics(frame, z);
    l = steps(z, most);
    for (ovp_idx k = l.from; k <= l.to; k++) {
        double t = tic(z, most, k);
        add_line(dat, &first, x->low, y->high, t, x->high, y->high, t);
        add_line(dat, &first, x->low, y->low, t, x->low, y->high, t);
    }
    frame->grid_block = (*block)++;
    (*block)++;
    ovp_text_add(dat, "\n\n");
    first = 1;
    add_line(dat, &first, x->low, y->low, z->low, x->high, y->low, z->low); /* the three that carry the tics */
    add_line(dat, &first, x->high, y->low, z->low, x->high, y->high, z->low);
    add_line(dat, &first, x->low, y->low, z->low, x->low, y->low, z->high);
}

void figure_space_plot(const figure_frame *frame, ovp_text *gp, int *first) {
    ovp_text_add(gp,
                 "  dat index %d using (px($1,$2,$3)):(py($1,$2,$3)) with lines linecolor rgb '#dfe2e6' linewidth .9 "
                 "notitle, \\\n"
                 "  dat index %d using (px($1,$2,$3)):(py($1,$2,$3)) with lines linecolor rgb '" FIGURE_MUTED
                 "' linewidth 1.1 notitle",
                 frame->grid_block, frame->grid_block + 1);
    *first = 0;
}

/* ---- tics ----------------------------------------------------------------------------------------- */

/* An edge of the box that carries an axis: from where it has its low end, along which axis, and its outward normal. */
typedef struct edge {
    const figure_axis *axis;
    int along;
    double from[3], across, up; /* the normal on the page */
    const char *label, *side;
} edge;

static void add_place(ovp_text *gp, const edge *e, double at) {
    char number[3][32];
    for (int k = 0; k < 3; k++) (void)ovp_format_real(number[k], k == e->along ? at : e->from[k]);
    ovp_text_add(gp, "px(%s,%s,%s),py(%s,%s,%s)", number[0], number[1], number[2], number[0], number[1], number[2]);
}

static void add_edge(const figure_frame *frame, const edge *e, double width, double height, ovp_text *gp) {
    int most = most_tics(frame, e->axis);
    ladder l = steps(e->axis, most);
    /* Digits that tell neighbours apart, of numbers far from 0, too. */
    double largest = fmax(fabs(e->axis->low), fabs(e->axis->high));
    int digits = (int)fmin(15, 2 + ceil(log10(largest / l.step)));
    double ends[2][2], to[3] = {e->from[0], e->from[1], e->from[2]};
    to[e->along] = e->axis->high;
    figure_space_place(frame, e->from[0], e->from[1], e->from[2], &ends[0][0], &ends[0][1]);
    figure_space_place(frame, to[0], to[1], to[2], &ends[1][0], &ends[1][1]);
    double dx = (ends[1][0] - ends[0][0]) * frame->width, dy = (ends[1][1] - ends[0][1]) * frame->height;
    double length = hypot(dx, dy), nx = dy / length, ny = -dx / length; /* to the right of the edge's direction */
    if (e->along == 2) nx = -nx, ny = -ny;
    if (e->along == 0) nx = -fabs(nx), ny = -fabs(ny);
    for (ovp_idx k = l.from; k <= l.to; k++) {
        double t = tic(e->axis, most, k);
        ovp_text_add(gp, "set label '");
        figure_number(gp, t, digits);
        ovp_text_add(gp, "' at ");
        add_place(gp, e, t);
        ovp_text_add(gp, " offset screen %.5f,%.5f %s font ',%g' textcolor rgb '" FIGURE_INK "'\n", 6 * nx / width,
                     (6 * ny - (e->along == 2 ? 0 : .25 * frame->font)) / height, e->side, frame->font);
    }
    if (!has(e->label)) return;
    double away = 8 + label_width(frame, e->axis) * fabs(nx) + frame->font * fabs(ny) + .9 * frame->font;
    ovp_text_add(gp, "set label ");
    figure_quote(gp, e->label);
    ovp_text_add(gp, " at ");
    add_place(gp, e, .5 * (e->axis->low + e->axis->high));
    ovp_text_add(
        gp, " offset screen %.5f,%.5f center rotate by %.1f font ',%g' textcolor rgb '" FIGURE_INK "' noenhanced\n",
        away * nx / width, away * ny / height, e->along == 2 ? 90 : atan2(dy, dx) / RADIANS, frame->font + 1);
}

void figure_space_settings(const figure_frame *frame, double width, double height, ovp_text *gp) {
    const figure_axis *axes[3] = {&frame->x, &frame->y, &frame->z};
    const double low[3] = {frame->x.low, frame->y.low, frame->z.low};
    const edge edges[3] = {{.axis = &frame->x,
                            .along = 0,
                            .from = {low[0], low[1], low[2]},
                            .label = frame->figure->x_label,
                            .side = "right"},
                           {.axis = &frame->y,
                            .along = 1,
                            .from = {frame->x.high, low[1], low[2]},
                            .label = frame->figure->y_label,
                            .side = "left"},
                           {.axis = &frame->z,
                            .along = 2,
                            .from = {low[0], low[1], low[2]},
                            .label = frame->figure->z_label,
                            .side = "right"}};
    double half[3];
    halves(frame, half);
    for (int k = 0; k < 3; k++) {
        char from[32], span[32], size[32];
        (void)ovp_format_real(from, axes[k]->low);
        (void)ovp_format_real(span, axes[k]->high - axes[k]->low);
        (void)ovp_format_real(size, half[k]);
        ovp_text_add(gp, "n%c(t) = %s*(2.*(t-(%s))/%s-1)\n", "xyz"[k], size, from, span);
    }
    ovp_text_add(gp, "back(x,y) = sa*nx(x)+ca*ny(y)\n"
                     "near(x,y,z) = distance/(distance+ce*back(x,y)-se*nz(z))\n"
                     "px(x,y,z) = (ca*nx(x)-sa*ny(y))*near(x,y,z)\n"
                     "py(x,y,z) = (ce*nz(z)+se*back(x,y))*near(x,y,z)\n");
    ovp_text_add(gp, "set xrange [%.6f:%.6f] noextend\nset yrange [%.6f:%.6f] noextend\n", frame->u_low, frame->u_high,
                 frame->v_low, frame->v_high);
    ovp_text_add(gp, "unset tics\nunset border\n");
    for (int k = 0; k < 3; k++) add_edge(frame, &edges[k], width, height, gp);
}
