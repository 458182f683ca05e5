#include "data/data_int.h"

/* SHA-256 of the unpacked files as distributed at http://yann.lecun.com/exdb/mnist/; see data/mnist/README.md. */
static const ovp_data_file files[] = {
    {"train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
    {"train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
    {"t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
    {"t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}};

static const ovp_data_idx_format format = {.rows = 28, .cols = 28, .classes = 10};

extern const ovp_data_detail ovp_data_detail_mnist;
const ovp_data_detail ovp_data_detail_mnist = {.reader = &ovp_data_idx_reader,
                                               .files = files,
                                               .file_count = 4,
                                               .telling = 3,
                                               .format = &format,
                                               .train = 60000,
                                               .test = 10000};
