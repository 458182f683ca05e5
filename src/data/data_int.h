/* Inside data: what a registered set is made of. */
#ifndef OVP_DATA_INT_H
#define OVP_DATA_INT_H

#include <overparam/data.h>

/* Largest file of a set, unpacked: five times MNIST's images, so that a gzip bomb ends early. */
#define OVP_DATA_FILE_LIMIT ((int64_t)1 << 28)

/* A file of a set, unpacked name; it may also lie there as name.gz. sha256 is of the unpacked content. */
typedef struct ovp_data_file {
    const char *name, *sha256;
} ovp_data_file;

typedef struct ovp_data_entry ovp_data_entry;

/* A format: reads the set whose files lie in folder. check reads and checks everything that load would, and keeps
 * nothing. Options have been validated. */
typedef struct ovp_data_reader {
    ovp_status (*load)(ovp_data_set *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *folder,
                       const ovp_data_options *options);
    ovp_status (*check)(ovp_ctx *ctx, const ovp_data_entry *entry, const char *folder);
} ovp_data_reader;

typedef struct ovp_data_detail {
    const ovp_data_reader *reader;
    const ovp_data_file *files;
    int file_count;
    int telling;        /* the (small) file whose content tells this set from others with the same file names */
    const void *format; /* for the reader */
} ovp_data_detail;

struct ovp_data_entry {
    ovp_data_info info;
    const char *system_path, *hint;
    const ovp_data_detail *detail;
};

/* What the IDX reader needs to know: files are train images, train labels, test images, test labels. */
typedef struct ovp_data_idx_format {
    ovp_idx rows, cols, classes;
} ovp_data_idx_format;
extern const ovp_data_reader ovp_data_idx_reader;

/* Path of a file of the set in folder, packed or not; *out NULL if neither exists. Errors: OVP_ENOMEM. */
ovp_status ovp_data_file_path(char **out, ovp_ctx *ctx, const char *folder, const char *name);

#endif
