/* CIFAR-10's binary version: records of a label and 32 x 32 pixels in three planes, from a folder or from its archive.
 */
#include "data/data_int.h"

#include <string.h>

#define SIDE 32
#define CHANNELS 3
#define PIXELS (CHANNELS * SIDE * SIDE)
#define RECORD (1 + PIXELS)
#define CLASSES 10
/* The archive unpacks to 184 MB; it may lie there unpacked as well. */
#define ARCHIVE_LIMIT ((int64_t)1 << 28)

static const char *const class_names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                 "dog",      "frog",       "horse", "ship", "truck"};

/* The published archive's sum alone is known: data_batch_* and test_batch are checked through it. */
static const ovp_data_file files[] = {{"data_batch_1.bin", NULL}, {"data_batch_2.bin", NULL},
                                      {"data_batch_3.bin", NULL}, {"data_batch_4.bin", NULL},
                                      {"data_batch_5.bin", NULL}, {"test_batch.bin", NULL}};
enum { FILES = sizeof(files) / sizeof(files[0]) };

/* The six files in memory, each under the name for messages; owned (folder) or inside `archive`. */
typedef struct batches {
    const unsigned char *data[FILES];
    size_t bytes[FILES];
    char *names[FILES], *owned[FILES];
    char *archive;
} batches;

static void batches_free(ovp_ctx *ctx, batches *b) {
    for (int f = 0; f < FILES; f++) {
        ovp_free(ctx, b->names[f]);
        ovp_free(ctx, b->owned[f]);
    }
    ovp_free(ctx, b->archive);
}

static ovp_status read_files(batches *b, ovp_ctx *ctx, const char *folder) {
    ovp_status status = OVP_OK;
    for (int f = 0; f < FILES; f++) {
        OVP_TRY(ovp_data_file_path(&b->names[f], ctx, folder, files[f].name));
        if (!b->names[f]) {
            status = ovp_fail(ctx, OVP_ENOTFOUND, "%s: %s is missing here", folder, files[f].name);
            goto done;
        }
        OVP_TRY(ovp_io_read_file(&b->owned[f], &b->bytes[f], ctx, b->names[f], OVP_DATA_FILE_LIMIT, 1));
        b->data[f] = (const unsigned char *)b->owned[f];
    }
done:
    return status;
}

static int file_of(const char *member) {
    const char *slash = strrchr(member, '/');
    for (int f = 0; f < FILES; f++)
        if (strcmp(slash ? slash + 1 : member, files[f].name) == 0) return f;
    return -1;
}

static ovp_status read_archive(batches *b, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    ovp_io_tar_member member;
    size_t bytes = 0, at = 0;
    OVP_TRY(ovp_io_read_file(&b->archive, &bytes, ctx, path, ARCHIVE_LIMIT, 1));
    for (;;) {
        OVP_TRY(ovp_io_tar_next(&member, ctx, path, b->archive, bytes, &at));
        if (!member.data) break;
        int f = file_of(member.name);
        if (f < 0) continue;
        if (b->names[f]) {
            status = ovp_fail(ctx, OVP_EFORMAT, "%s: %s stands in it twice", path, files[f].name);
            goto done;
        }
        ovp_text name = {.ctx = ctx};
        ovp_text_add(&name, "%s:%s", path, files[f].name);
        b->names[f] = name.data;
        OVP_TRY(ovp_text_status(&name));
        b->data[f] = member.data;
        b->bytes[f] = member.bytes;
    }
    for (int f = 0; f < FILES; f++) {
        if (b->names[f]) continue;
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: no %s in this archive (the binary version of CIFAR-10 expected)", path,
                          files[f].name);
        goto done;
    }
done:
    return status;
}

static ovp_status check_file(ovp_idx *records, ovp_ctx *ctx, const char *name, const unsigned char *data,
                             size_t bytes) {
    *records = (ovp_idx)(bytes / RECORD);
    if (bytes == 0 || bytes % RECORD)
        return ovp_fail(ctx, OVP_EFORMAT,
                        "%s: %zu bytes are not whole records of %d (a label and %d x %d x %d pixels); %zu bytes are "
                        "left over",
                        name, bytes, RECORD, CHANNELS, SIDE, SIDE, bytes % RECORD);
    for (ovp_idx i = 0; i < *records; i++)
        if (data[i * RECORD] >= CLASSES)
            return ovp_fail(ctx, OVP_EFORMAT, "%s: label %d in record %lld (from 0); labels are 0 to %d", name,
                            data[i * RECORD], (long long)i, CLASSES - 1);
    return OVP_OK;
}

/* Files first..last-1 into one part. */
static ovp_status fill_part(ovp_data_part *out, ovp_ctx *ctx, const batches *b, int first, int last) {
    ovp_status status = OVP_OK;
    ovp_idx records[FILES] = {0};
    for (int f = first; f < last; f++) {
        OVP_TRY(check_file(&records[f], ctx, b->names[f], b->data[f], b->bytes[f]));
        out->n += records[f];
    }
    out->present = 1;
    const ovp_idx shape[2] = {out->n, PIXELS};
    OVP_TRY(ovp_numeric_array_create(&out->x, ctx, OVP_U8, 2, shape));
    OVP_TRY(ovp_numeric_array_create(&out->y, ctx, OVP_I32, 1, &out->n));
    unsigned char *pixel = out->x.data;
    int32_t *label = out->y.data;
    for (int f = first; f < last; f++)
        for (ovp_idx i = 0; i < records[f]; i++, pixel += PIXELS) {
            *label++ = b->data[f][i * RECORD];
            memcpy(pixel, b->data[f] + i * RECORD + 1, PIXELS);
        }
done:
    return status;
}

static ovp_status read_set(ovp_data_raw *out, ovp_ctx *ctx, const ovp_data_entry *entry, const char *source,
                           const ovp_data_options *options) {
    ovp_status status = OVP_OK;
    batches b = {0};
    (void)entry, (void)options;
    OVP_TRY(ovp_data_is_archive(source) ? read_archive(&b, ctx, source) : read_files(&b, ctx, source));
    OVP_TRY(fill_part(&out->train, ctx, &b, 0, FILES - 1));
    OVP_TRY(fill_part(&out->test, ctx, &b, FILES - 1, FILES));
    out->rows = out->cols = SIDE;
    out->channels = CHANNELS;
    out->classes = CLASSES;
    OVP_TRY(ovp_data_block(&out->class_names, ctx, class_names, CLASSES));
done:
    batches_free(ctx, &b);
    return status;
}

static const ovp_data_reader reader = {.read = read_set};

extern const ovp_data_detail ovp_data_detail_cifar10;
const ovp_data_detail ovp_data_detail_cifar10 = {
    .reader = &reader, .files = files, .file_count = FILES, .telling = -1, .train = 50000, .test = 10000};
