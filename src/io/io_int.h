/* Inside io: limits, and the parsers below the public ones (each takes a name and bytes, so a fuzz target is five
 * lines). */
#ifndef OVP_IO_INT_H
#define OVP_IO_INT_H

#include <overparam/io.h>

/* A file of plain bytes is its own evidence of size; packed bytes are not (deflate reaches 1032 : 1), so what they may
 * grow to is limited harder. */
#define OVP_IO_FILE_LIMIT ((int64_t)1 << 36)
#define OVP_IO_UNPACKED_LIMIT ((int64_t)1 << 32)
/* Deflate cannot do better than 1032 : 1 (zlib's technical details); a larger claim is a lie. */
#define OVP_IO_DEFLATE_RATIO 1032
#define OVP_IO_TABLE_LIMIT ((int64_t)1 << 30)  /* csv */
#define OVP_IO_CONFIG_LIMIT ((int64_t)1 << 26) /* json */
#define OVP_IO_YAML_LIMIT ((int64_t)1 << 20)
#define OVP_IO_IMAGE_LIMIT ((int64_t)1 << 28)
#define OVP_IO_IMAGE_SIDE (1 << 14)
#define OVP_IO_IMAGE_PIXELS (1 << 26)
#define OVP_IO_JSON_DEPTH 64
#define OVP_IO_SAFETENSORS_HEADER 100000000 /* as the reference implementation */
#define OVP_IO_SAFETENSORS_METADATA "__metadata__"
#define OVP_IO_MAX_SETTINGS 4096
#define OVP_IO_MAX_ENTRIES 4096

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define OVP_IO_HOST_BIG 1
#else
#define OVP_IO_HOST_BIG 0
#endif

/* Bytes from a file made fit for a one-line message: printable ASCII kept, the rest '?', cut with "..". */
typedef struct ovp_io_shown {
    char text[64];
} ovp_io_shown;
ovp_io_shown ovp_io_show(const void *bytes, size_t count);

/* True if the bytes are UTF-8 (RFC 3629). */
int ovp_io_utf8(const void *bytes, size_t count);

typedef struct ovp_io_part {
    const void *data;
    size_t bytes;
} ovp_io_part;

/* Whole blocks of 64 bytes added to a SHA-256 state: in plain C, or (k: its 64 constants) with the instructions that
 * some processors have for it. */
void ovp_io_sha256_blocks_plain(uint32_t h[8], const unsigned char *data, size_t blocks);
int ovp_io_sha256_has_instructions(void);
void ovp_io_sha256_blocks_x86(uint32_t h[8], const unsigned char *data, size_t blocks, const uint32_t k[64]);

/* ovp_io_write_file for content that lies in several places. */
ovp_status ovp_io_write_parts(ovp_ctx *ctx, const char *path, const ovp_io_part *parts, int count);
/* The write step alone: everything into an open descriptor, name for the message. */
ovp_status ovp_io_write_fd(ovp_ctx *ctx, int fd, const char *name, const ovp_io_part *parts, int count);

/* The file an atomic write goes through: `path` beside the target, `target` with symbolic links followed. */
typedef struct ovp_io_temp {
    char *path, *target;
    int mode; /* of the file that is replaced, -1 if there is none */
} ovp_io_temp;
/* Names an unused file beside path; *fd is its open descriptor. Errors: OVP_EIO, OVP_ENOMEM. */
ovp_status ovp_io_temp_create(ovp_io_temp *out, int *fd, ovp_ctx *ctx, const char *path);
/* Syncs fd (closed here in any case) and renames; removes the temporary file unless that succeeded. */
ovp_status ovp_io_temp_commit(ovp_ctx *ctx, ovp_io_temp *temp, int fd);
/* Removes the temporary file, if it is still there, and frees. */
void ovp_io_temp_free(ovp_ctx *ctx, ovp_io_temp *temp);

/* Unpacks a gzip file (any number of members, zero padding at the end allowed) of at most limit bytes. */
ovp_status ovp_io_gunzip(char **out, size_t *out_bytes, ovp_ctx *ctx, const char *name, const void *data, size_t bytes,
                         int64_t limit);

ovp_status ovp_io_npz_parse(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const char *name, const void *data,
                            size_t bytes, int64_t unpacked_limit);

/* An image in its own channels (1 or 3). bytes >= 3. */
ovp_status ovp_io_png_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes);
ovp_status ovp_io_jpeg_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data, size_t bytes);
/* Before anything is allocated for it: OVP_EFORMAT for no pixels, OVP_ELIMIT for too many. */
ovp_status ovp_io_image_check(ovp_ctx *ctx, const char *name, int64_t rows, int64_t columns);
/* u8 array rows x columns x channels. */
ovp_status ovp_io_image_create(ovp_numeric_array *out, ovp_ctx *ctx, ovp_idx rows, ovp_idx columns, ovp_idx channels);

uint32_t ovp_io_crc32c(const void *data, size_t bytes);
/* Check sums of TFRecord frames are stored turned and shifted. */
uint32_t ovp_io_tfevents_mask(uint32_t crc);

/* npy version 1.0 header of an array in memory, C order; allowed to fail only by OVP_ENOMEM through text. */
void ovp_io_npy_header(ovp_text *text, const ovp_numeric_array *array);

/* Items of size 1, 4 or 8 bytes: dst gets src with every item's bytes reversed. */
void ovp_io_swap(void *dst, const void *src, ovp_idx count, size_t size);

/* Items of a file (big: most significant byte first) into memory, or the other way round. */
void ovp_io_copy_items(void *dst, const void *src, ovp_idx count, size_t size, int big);

/* count = product of the extents; false if one is negative or the product times size leaves int64. */
int ovp_io_extent(int64_t *count, int ndim, const ovp_idx *shape, size_t size);

#endif
