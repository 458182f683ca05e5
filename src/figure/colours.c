/* Colours, markers and dashes.
 *
 * Okabe and Ito's palette for unordered series (distinguishable with all common forms of colour blindness;
 * https://jfly.uni-koeln.de/color/), a part of viridis for ordered ones (van der Walt and Smith 2015; its light yellow
 * end is left out, it vanishes on white; heat maps have it). Shapes of markers differ, too, for print in grey. */
#include "figure/figure_int.h"

#include <math.h>

static const unsigned okabe_ito[] = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x7A5C2E};
static const unsigned viridis[] = {0x440154, 0x482878, 0x3E4989, 0x31688E, 0x26828E,
                                   0x1F9E89, 0x35B779, 0x6ECE58, 0x9BD93C};
static const unsigned viridis_end = 0xFDE725;
/* Twelve steps of a closed circle in CIELAB: a = 42 cos t, b = 42 sin t, L = 58 - 16 cos t (D65). Evenly spaced for the
 * eye; and since lightness turns along with the hue where red and green look alike, every part of the circle differs
 * from the others to colour-blind readers and in grey, but for its two halves. Nowhere near white. */
static const unsigned cyclic[] = {0xA04365, 0xA74D47, 0xA76839, 0xA18940, 0x91A95D, 0x72C188,
                                  0x3ECAB5, 0x00C3D5, 0x00AEE1, 0x4B8FD5, 0x796EB5, 0x93518C};
/* Filled circle, square, triangle, diamond, inverted triangle, open circle, open square. */
static const int markers[] = {7, 5, 9, 13, 11, 6, 4};
static const char *const dashes[] = {"(8,5)", "(12,4,2,4)", "(3,3)", "(16,5)"};

unsigned figure_mix(unsigned a, unsigned b, double t) {
    unsigned out = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
        double u = (a >> shift) & 255u, v = (b >> shift) & 255u;
        out |= (unsigned)(u + t * (v - u) + .5) << shift;
    }
    return out;
}

static unsigned sequential(int index, int count) {
    double place = count > 1 ? (double)(index % count) / (count - 1) : .35;
    double at = place * (FIGURE_COUNT(viridis) - 1);
    int cell = (int)at;
    if (cell >= FIGURE_COUNT(viridis) - 1) return viridis[FIGURE_COUNT(viridis) - 1];
    return figure_mix(viridis[cell], viridis[cell + 1], at - cell);
}

void figure_colours(const ovp_figure *figure, figure_drawn *drawn) {
    int next = 0, count = 0, dash = 0;
    for (int pass = 0; pass < 2; pass++) {
        next = dash = 0;
        for (ovp_idx s = 0; s < figure->count; s++) {
            const ovp_figure_series *series = &figure->series[s];
            int reference = series->style == OVP_FIGURE_THEORY || series->style == OVP_FIGURE_HLINE;
            int index = series->colour >= 0 ? series->colour : reference ? -1 : next++;
            if (index >= count) count = index + 1;
            if (index < 0)
                drawn[s].colour = series->style == OVP_FIGURE_THEORY ? 0x222222 : 0x5f6368;
            else
                drawn[s].colour =
                    figure->ordered ? sequential(index, count) : okabe_ito[index % FIGURE_COUNT(okabe_ito)];
            /* A prediction beside its measurement: the same hue, darker. */
            if (index >= 0 && series->style == OVP_FIGURE_THEORY) drawn[s].colour = figure_mix(drawn[s].colour, 0, .45);
            /* The curve has every colour: its legend entry none. */
            if (series->hue) drawn[s].colour = 0x5f6368;
            drawn[s].marker = markers[(index < 0 ? 0 : index) % FIGURE_COUNT(markers)];
            drawn[s].dash = index < 0 && series->style == OVP_FIGURE_THEORY ? dash++ % FIGURE_COUNT(dashes) : 0;
        }
    }
}

const char *figure_dash(int index) {
    return dashes[index];
}

unsigned figure_hue(double hue) {
    const int steps = FIGURE_COUNT(cyclic);
    double at = hue * steps;
    int cell = (int)at;
    return figure_mix(cyclic[cell % steps], cyclic[(cell + 1) % steps], at - cell);
}

void figure_palette(ovp_text *gp) {
    static const char *const places[] = {"0", "1", "2", "3", "4", "5", "6", "7", "7.65"};
    ovp_text_add(gp, "set palette defined (");
    /* The last colour of the table stands at .85, the others at multiples of 1/9. */
    for (int i = 0; i < FIGURE_COUNT(viridis); i++) ovp_text_add(gp, "%s '#%06x', ", places[i], viridis[i]);
    ovp_text_add(gp, "9 '#%06x')\n", viridis_end);
}
