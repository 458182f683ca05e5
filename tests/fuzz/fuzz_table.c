/* The user's own tables: a csv file as a data set. The first byte says which columns are asked for: none, the label
 * `y`, or the targets `y,z`. */
#include "folder.h"

#include <overparam/data.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ovp_ctx *ctx = fuzz_ctx();
    ovp_data_options options = {.size = sizeof options, .type = OVP_F64};
    ovp_data_set set;
    char name[80];
    int asked = size ? data[0] % 3 : 0;
    if (asked == 1) options.label_column = "y";
    if (asked == 2) options.target_columns = "y,z";
    snprintf(name, sizeof name, "csv:%s", size ? fuzz_file(data + 1, size - 1) : fuzz_file("", 0));
    if (fuzz_ok(ovp_data_load(&set, ctx, name, &options))) {
        fuzz_require(set.features > 0 && set.x_train.shape[1] == set.features, "no features");
        fuzz_require(!asked || (set.y_train.data && set.y_train.shape[0] == set.x_train.shape[0]), "no labels");
        const int32_t *label = set.y_train.data;
        for (ovp_idx i = 0; asked == 1 && i < set.y_train.shape[0]; i++)
            fuzz_require(label[i] >= 0 && label[i] < set.classes, "label %d of %lld", label[i], (long long)set.classes);
    }
    ovp_data_free(ctx, &set);
    return fuzz_end();
}
