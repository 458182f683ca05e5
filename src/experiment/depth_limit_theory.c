/* depth-limit: a net of one dimension whose activation is the identity, in closed form. */
#include "depth_limit_int.h"

#include <string.h>

static double gain(const depth_limit_line *l) {
    return pow(1 + l->delta * l->w, (double)l->layers);
}

double depth_limit_line_loss(const depth_limit_line *l) {
    const double slope = l->q * gain(l);
    return l->yy - 2 * slope * l->xy + slope * slope * l->xx;
}

void depth_limit_line_step(depth_limit_line *l, double lr) {
    const double p = gain(l);
    l->w -= lr * l->delta * p / (1 + l->delta * l->w) * (2 * l->q * l->q * p * l->xx - 2 * l->q * l->xy);
}

int depth_limit_has_line(const depth_limit_setup *s, const depth_limit_data *data) {
    return !s->classify && s->dim == 1 && s->batch == 0 && data->inputs == 1 && data->outputs == 1 &&
           strcmp(s->augmentation, "skip") == 0 && strcmp(s->activation, "tanh") == 0 &&
           strcmp(s->init, "constant") == 0 && !(s->p_loss > 2) && !(s->p_loss < 2);
}

static double at(ovp_numeric_type type, const void *values, ovp_idx i) {
    return type == OVP_F32 ? (double)((const float *)values)[i] : ((const double *)values)[i];
}

depth_limit_line depth_limit_line_of(const depth_limit_net *net) {
    const ovp_numeric_type type = net->setup->type;
    const depth_limit_samples *samples = net->samples;
    depth_limit_line line = {.layers = net->layers,
                             .w = at(type, net->theta, 0),
                             .q = at(type, net->read_in, 0) * at(type, net->read_out, 0),
                             .delta = pow((double)net->layers, -net->setup->alpha)};
    for (ovp_idx i = 0; i < samples->rows; i++) {
        const double x = at(type, samples->x, i), y = at(type, samples->y, i);
        line.xx += x * x / (double)samples->rows;
        line.xy += x * y / (double)samples->rows;
        line.yy += y * y / (double)samples->rows;
    }
    return line;
}
