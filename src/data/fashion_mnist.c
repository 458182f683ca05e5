#include "data/data_int.h"

/* SHA-256 of the unpacked files of Debian's dataset-fashion-mnist 0.0~git20200523.55506a9-1. */
static const ovp_data_file files[] = {
    {"train-images-idx3-ubyte", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
    {"train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
    {"t10k-images-idx3-ubyte", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
    {"t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}};

static const ovp_data_idx_format format = {.rows = 28, .cols = 28, .classes = 10};

extern const ovp_data_detail ovp_data_detail_fashion_mnist;
const ovp_data_detail ovp_data_detail_fashion_mnist = {.reader = &ovp_data_idx_reader,
                                                       .files = files,
                                                       .file_count = 4,
                                                       .telling = 3,
                                                       .format = &format,
                                                       .train = 60000,
                                                       .test = 10000};
