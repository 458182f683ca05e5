/* numeric: the activation table. */
#include "check.h"
#include "numeric/kernels_int.h"

#include <math.h>
#include <string.h>

/* phi, phi', phi'' from torch 1.13.0 in float64: torch.nn.functional (leaky_relu slope .01, gelu approximate='none'),
 * torch.autograd.grad once and twice. */
static const struct {
    const char *name;
    double z, phi, dphi, d2phi;
} golden[] = {
    {"identity", -0.7, -0.7, 1.0, 0.0},
    {"identity", 0.385, 0.385, 1.0, 0.0},
    {"relu", -0.7, 0.0, 0.0, 0.0},
    {"relu", 0.385, 0.385, 1.0, 0.0},
    {"leaky-relu", -0.7, -0.006999999999999999, 0.01, 0.0},
    {"leaky-relu", 0.385, 0.385, 1.0, 0.0},
    {"abs", -0.7, 0.7, -1.0, 0.0},
    {"abs", 0.385, 0.385, 1.0, 0.0},
    {"hardtanh", -0.7, -0.7, 1.0, 0.0},
    {"hardtanh", 0.385, 0.385, 1.0, 0.0},
    {"elu", -0.7, -0.5034146962085905, 0.4965853037914095, 0.4965853037914095},
    {"elu", 0.385, 0.385, 1.0, 0.0},
    {"selu", -0.7, -0.8850530455772052, 0.8730462952701714, 0.8730462952701714},
    {"selu", 0.385, 0.40451988013185997, 1.0507009873554805, 0.0},
    {"tanh", -0.7, -0.6043677771171635, 0.6347395899824586, 0.7672323100919166},
    {"tanh", 0.385, 0.3670417874726313, 0.8652803262488957, -0.6351880752225925},
    {"sigmoid", -0.7, 0.3318122278318339, 0.22171287329310907, 0.07457878844034181},
    {"sigmoid", 0.385, 0.595078473866134, 0.24096008380728687, -0.04582023406210516},
    {"softplus", -0.7, 0.4031860488854579, 0.33181222783183395, 0.22171287329310907},
    {"softplus", 0.385, 0.9040619932824316, 0.595078473866134, 0.24096008380728687},
    {"silu", -0.7, -0.2322685594822837, 0.1766132165266576, 0.3912205946779789},
    {"silu", 0.385, 0.2291052124384616, 0.6878481061319395, 0.4642793775006633},
    {"gelu", -0.7, -0.1693745565561511, 0.023385898866340155, 0.47150343938380956},
    {"gelu", 0.385, 0.2502042975103689, 0.7925025117098168, 0.6859802823207515},
    {"erf", -0.7, -0.6778011938374184, 0.6912748604105386, 0.967784804574754},
    {"erf", 0.385, 0.4138834410940607, 0.9729303691933439, -0.7491563842788748},
    {"sin", -0.7, -0.644217687237691, 0.7648421872844885, 0.644217687237691},
    {"sin", 0.385, 0.37555913674750124, 0.9267984326731847, -0.37555913674750124},
    {"cos", -0.7, 0.7648421872844885, 0.644217687237691, -0.7648421872844885},
    {"cos", 0.385, 0.9267984326731847, -0.37555913674750124, -0.9267984326731847},
    {"square", -0.7, 0.48999999999999994, -1.4, 2.0},
    {"square", 0.385, 0.148225, 0.77, 2.0},
};

/* phi' at kinks, torch 1.13.0 float64 autograd; step is ours (torch's heaviside has no gradient). */
static const struct {
    const char *name;
    double z, dphi;
} at_kinks[] = {
    {"relu", 0, 0},     {"abs", 0, 0}, {"leaky-relu", 0, 0.01},         {"hardtanh", -1, 0},
    {"hardtanh", 1, 0}, {"elu", 0, 1}, {"selu", 0, 1.7580993408473766}, {"step", 0, 0},
};

static void close_to(const char *name, const char *what, double z, double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance * (1 + fabs(expected))))
        fail_msg("%s: %s(%.17g) = %.17g, expected %.17g", name, what, z, got, expected);
}

static void values_agree_with_torch(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        const ovp_numeric_activation *a = ovp_numeric_activation_find(golden[i].name);
        assert_non_null(a);
        const double z = golden[i].z;
        close_to(a->name, "phi", z, a->phi(z), golden[i].phi, 1e-15);
        close_to(a->name, "phi'", z, a->dphi(z), golden[i].dphi, 1e-15);
        close_to(a->name, "phi''", z, a->d2phi(z), golden[i].d2phi, 1e-15);
    }
}

static void kinks_take_the_side_torch_takes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof at_kinks / sizeof *at_kinks; i++) {
        const ovp_numeric_activation *a = ovp_numeric_activation_find(at_kinks[i].name);
        assert_non_null(a);
        close_to(a->name, "phi'", at_kinks[i].z, a->dphi(at_kinks[i].z), at_kinks[i].dphi, 1e-15);
        close_to(a->name, "phi'", -0.0, a->dphi(at_kinks[i].z == 0 ? -0.0 : at_kinks[i].z), at_kinks[i].dphi, 1e-15);
    }
}

static double distance_to_kink(const ovp_numeric_activation *a, double z) {
    double nearest = INFINITY;
    for (int k = 0; k < a->kink_count; k++) nearest = fmin(nearest, fabs(z - a->kinks[k]));
    return nearest;
}

/* Central differences of step 1e-5: 1e-10 from the third derivative, 1e-11 from rounding. */
static void slopes_are_derivatives(void **state) {
    (void)state;
    const ovp_numeric_activation *a;
    for (ovp_idx i = 0; (a = ovp_numeric_activation_at(i)); i++)
        for (double z = -6.0173; z < 6; z += 0.0317) {
            const double h = 1e-5;
            if (distance_to_kink(a, z) < 2 * h) continue;
            close_to(a->name, "phi'", z, a->dphi(z), (a->phi(z + h) - a->phi(z - h)) / (2 * h), 2e-9);
            if (fabs(z) < 2 * h) continue; /* phi'' of elu jumps there */
            close_to(a->name, "phi''", z, a->d2phi(z), (a->dphi(z + h) - a->dphi(z - h)) / (2 * h), 2e-9);
        }
}

static void kinks_are_where_the_slope_jumps(void **state) {
    (void)state;
    const ovp_numeric_activation *a;
    for (ovp_idx i = 0; (a = ovp_numeric_activation_at(i)); i++) {
        for (int k = 0; k < a->kink_count; k++) {
            const double z = a->kinks[k], h = 1e-9;
            assert_true(fabs(a->dphi(z + h) - a->dphi(z - h)) > 0.1 || fabs(a->phi(z + h) - a->phi(z - h)) > 0.1);
            assert_true(a->d2phi(z) == 0);
        }
        for (double z = -3; z < 3; z += 0.0625) /* hits -1, 0, 1 */
            if (distance_to_kink(a, z) > 1e-3) assert_true(fabs(a->dphi(z + 1e-9) - a->dphi(z - 1e-9)) < 1e-7);
    }
}

/* Equal outputs must have equal slopes where the table says so, and saturated or mirrored points break it elsewhere. */
static void from_output_is_true(void **state) {
    (void)state;
    const ovp_numeric_activation *a;
    int claimed = 0;
    for (ovp_idx i = 0; (a = ovp_numeric_activation_at(i)); i++) {
        int contradicted = 0;
        for (double x = -4; x <= 4; x += 0.125)
            for (double y = -4; y <= 4; y += 0.125)
                if (a->phi(x) == a->phi(y) && a->dphi(x) != a->dphi(y)) contradicted = 1;
        claimed += a->from_output;
        if (a->from_output) assert_false(contradicted);
        if (strcmp(a->name, "abs") == 0 || strcmp(a->name, "cos") == 0 || strcmp(a->name, "square") == 0)
            assert_true(contradicted);
    }
    assert_true(claimed >= 10);
}

static void activations_are_found_by_name(void **state) {
    (void)state;
    const ovp_numeric_activation *a;
    ovp_idx count = 0;
    for (; (a = ovp_numeric_activation_at(count)); count++) {
        assert_ptr_equal(ovp_numeric_activation_find(a->name), a); /* hence names are unique */
        assert_int_equal(a->id, count);
        assert_true(strlen(a->formula) > 0);
        assert_true(a->kink_count >= 0 && a->kink_count <= 2);
    }
    assert_int_equal(count, OVP_ACT_COUNT);
    assert_null(ovp_numeric_activation_at(-1));
    assert_null(ovp_numeric_activation_find("Relu"));
    assert_null(ovp_numeric_activation_find(""));
    assert_null(ovp_numeric_activation_find(NULL));
}

static void nan_is_not_hidden(void **state) {
    (void)state;
    const ovp_numeric_activation *a;
    for (ovp_idx i = 0; (a = ovp_numeric_activation_at(i)); i++) {
        assert_true(isnan(a->phi(NAN)));
        assert_true(isnan(a->dphi(NAN)));
        assert_true(isnan(a->d2phi(NAN)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_agree_with_torch), cmocka_unit_test(kinks_take_the_side_torch_takes),
        cmocka_unit_test(slopes_are_derivatives),  cmocka_unit_test(kinks_are_where_the_slope_jumps),
        cmocka_unit_test(from_output_is_true),     cmocka_unit_test(activations_are_found_by_name),
        cmocka_unit_test(nan_is_not_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
