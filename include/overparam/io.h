/* io: every outside format in one place, hardened against hostile files. */
#ifndef OVERPARAM_IO_H
#define OVERPARAM_IO_H

#include <overparam/numeric.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- files --------------------------------------------------------------------------------------- */

/* Whole file into *data (0-terminated, free with ovp_free). A file larger than `limit` bytes is refused. gunzip: 1 =
 * unpack when it starts with the gzip magic (limit then bounds the unpacked size, so a gzip bomb stops there). Errors:
 * OVP_ENOTFOUND, OVP_EIO, OVP_EFORMAT (damaged gzip), OVP_ELIMIT, OVP_ENOMEM; each names the path. */
OVP_API ovp_status ovp_io_read_file(char **data, size_t *bytes, ovp_ctx *ctx, const char *path, int64_t limit,
                                    int gunzip);
/* Writes to a temporary file beside path, fsyncs and renames: path holds the old or the new content, never a part.
 * Errors: OVP_EIO with the system's reason (disk full, read-only, ...); the temporary file is removed. */
OVP_API ovp_status ovp_io_write_file(ovp_ctx *ctx, const char *path, const void *data, size_t bytes);
/* mkdir -p. */
OVP_API ovp_status ovp_io_make_dirs(ovp_ctx *ctx, const char *path);
/* Lower-case hex SHA-256 of bytes, 64 characters and the terminator into out[65]. */
OVP_API void ovp_io_sha256(const void *data, size_t bytes, char out[65]);

/* ---- arrays -------------------------------------------------------------------------------------- */

/* An npy file (versions 1-3; f4 f8 i8 i4 u1, little or big endian, C or Fortran order, converted to C). *out is freed
 * with ovp_numeric_array_free. Errors: OVP_EFORMAT (position and reason), and those of ovp_io_read_file. */
OVP_API ovp_status ovp_io_npy_read(ovp_numeric_array *out, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_npy_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data,
                                    size_t bytes);
OVP_API ovp_status ovp_io_npy_write(ovp_ctx *ctx, const char *path, const ovp_numeric_array *array);

typedef struct ovp_io_named_array {
    char *name;
    ovp_numeric_array array;
} ovp_io_named_array;
/* npz: opens with numpy.load(..., allow_pickle=False). Same content gives the same bytes (no time stamps). Free a read
 * list with ovp_io_npz_free. `name` of write's entries is borrowed. */
OVP_API ovp_status ovp_io_npz_read(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_npz_write(ovp_ctx *ctx, const char *path, const ovp_io_named_array *arrays, ovp_idx count);
OVP_API void ovp_io_npz_free(ovp_ctx *ctx, ovp_io_named_array *arrays, ovp_idx count);

/* IDX (gzip or not), types u1 i4 f4 f8 (others refused by name), up to 8 dimensions. */
OVP_API ovp_status ovp_io_idx_read(ovp_numeric_array *out, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_idx_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data,
                                    size_t bytes);

/* ---- csv ----------------------------------------------------------------------------------------- */

/* RFC 4180 table as text cells; the first record is the header. Errors name line and column. Free with ovp_io_csv_free.
 */
typedef struct ovp_io_csv {
    ovp_idx columns, rows;
    char **header; /* columns */
    char **cells;  /* rows x columns */
} ovp_io_csv;
OVP_API ovp_status ovp_io_csv_parse(ovp_io_csv *out, ovp_ctx *ctx, const char *name, const char *data, size_t bytes);
OVP_API ovp_status ovp_io_csv_read(ovp_io_csv *out, ovp_ctx *ctx, const char *path);
OVP_API void ovp_io_csv_free(ovp_ctx *ctx, ovp_io_csv *csv);
/* Appends one cell, quoted if it must be (comma, quote, line break, leading or trailing blank). */
OVP_API void ovp_io_csv_add_cell(ovp_text *text, const char *cell);

/* ---- json (jansson) and yaml --------------------------------------------------------------------- */

struct json_t;
/* Parses a JSON text (depth limited, duplicate keys refused); *out is a new reference (json_decref). Errors:
 * OVP_EFORMAT with line and column. */
OVP_API ovp_status ovp_io_json_parse(struct json_t **out, ovp_ctx *ctx, const char *name, const char *data,
                                     size_t bytes);
OVP_API ovp_status ovp_io_json_read(struct json_t **out, ovp_ctx *ctx, const char *path);
/* Appends value as JSON with shortest round-trip decimals, keys in insertion order; indent 0: one line. */
OVP_API void ovp_io_json_dump(ovp_text *text, const struct json_t *value, int indent);
/* Number as JSON real, null if it is not finite (json_real(NAN) would be a NULL pointer). New reference. */
OVP_API struct json_t *ovp_io_json_number(double value);

/* One `key: value` of a flat YAML (or JSON) mapping; value lists are joined with commas. */
typedef struct ovp_io_setting {
    char *key, *value;
    int line;
} ovp_io_setting;
/* A configuration file: a mapping of scalars and lists of scalars. Anchors, tags, nested mappings and several documents
 * are refused with the line. Errors OVP_ECONFIG. Free with ovp_io_settings_free. */
OVP_API ovp_status ovp_io_yaml_read(ovp_io_setting **out, ovp_idx *count, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_yaml_parse(ovp_io_setting **out, ovp_idx *count, ovp_ctx *ctx, const char *name,
                                     const char *data, size_t bytes);
OVP_API void ovp_io_settings_free(ovp_ctx *ctx, ovp_io_setting *settings, ovp_idx count);

#ifdef __cplusplus
}
#endif
#endif
