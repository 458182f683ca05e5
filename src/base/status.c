/* Status codes: names, texts and exit codes from the one list. */
#include <overparam/base.h>

static const struct {
    const char *name, *text;
    int exit_code;
} rows[] = {
#define OVP_X(code, exit_code, text) [code] = {#code, text, exit_code},
    OVP_STATUS_LIST(OVP_X)
#undef OVP_X
};

static int known(ovp_status status) {
    return (int)status >= 0 && (int)status < (int)OVP_STATUS_COUNT;
}

const char *ovp_status_name(ovp_status status) {
    return known(status) ? rows[status].name : "OVP_?";
}
const char *ovp_status_text(ovp_status status) {
    return known(status) ? rows[status].text : "unknown status";
}
int ovp_status_exit_code(ovp_status status) {
    return known(status) ? rows[status].exit_code : 1;
}
