// A stranger's C++ program: every public header at once, and a call into each library.
#include <overparam/base.h>
#include <overparam/data.h>
#include <overparam/experiment.h>
#include <overparam/figure.h>
#include <overparam/io.h>
#include <overparam/kernel.h>
#include <overparam/measure.h>
#include <overparam/net.h>
#include <overparam/numeric.h>
#include <overparam/store.h>
#include <overparam/theory.h>
#include <overparam/train.h>

int main() {
    ovp_ctx *ctx = nullptr;
    if (ovp_ctx_create(&ctx, nullptr) != OVP_OK) return 1;
    const bool good = ovp_net_gain("relu") > 1.41 && ovp_experiment_at(0) != nullptr;
    ovp_ctx_free(ctx);
    return good ? 0 : 1;
}
