/* A test that is wrong on purpose: the runner has to report it (see tools/check-must-fail). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <overparam/base.h>

static void wrong_on_purpose(void **state) {
    (void)state;
    assert_string_equal(ovp_status_name(OVP_EIO), "OVP_OK");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_on_purpose)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
