/* A stranger's program: public headers, installed libraries. */
#include <overparam/base.h>
#ifdef OVP_USE_LAB
#include <overparam/experiment.h>
#endif

int main(void) {
    ovp_ctx *ctx = NULL;
    ovp_ctx_options options = {.size = sizeof options, .threads = 1};
    if (ovp_ctx_create(&ctx, &options) != OVP_OK) return 1;
    int failed = ovp_threads(ctx) != 1;
#ifdef OVP_USE_LAB
    failed |= ovp_experiment_at(0) == NULL;
#endif
    ovp_ctx_free(ctx);
    return failed;
}
