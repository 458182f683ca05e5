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
 * OVP_ENOTFOUND, OVP_EIO, OVP_EFORMAT (a folder, damaged gzip), OVP_ELIMIT, OVP_ENOMEM; each names the path. */
OVP_API ovp_status ovp_io_read_file(char **data, size_t *bytes, ovp_ctx *ctx, const char *path, int64_t limit,
                                    int gunzip);
/* Writes to a temporary file beside path, fsyncs and renames: path holds the old or the new content, never a part. A
 * replaced file keeps its mode, a symbolic link stays and the file behind it is replaced. Errors: OVP_EIO with the
 * system's reason (disk full, read-only, a folder or device in its place, ...), OVP_ENOMEM; the temporary file is
 * removed. */
OVP_API ovp_status ovp_io_write_file(ovp_ctx *ctx, const char *path, const void *data, size_t bytes);
/* mkdir -p. Errors: OVP_EIO (names the part that failed), OVP_ENOMEM. */
OVP_API ovp_status ovp_io_make_dirs(ovp_ctx *ctx, const char *path);
/* Lower-case hex SHA-256 of bytes, 64 characters and the terminator into out[65]. */
OVP_API void ovp_io_sha256(const void *data, size_t bytes, char out[65]);
/* The same of a plain file of any size, which is read in pieces; *bytes (may be NULL) is its size. Errors:
 * OVP_ENOTFOUND, OVP_EIO (links are not followed). */
OVP_API ovp_status ovp_io_sha256_file(char out[65], int64_t *bytes, ovp_ctx *ctx, const char *path);

/* ---- arrays -------------------------------------------------------------------------------------- */

/* An npy file (versions 1-3; f4 f8 i8 i4 u1, little or big endian, C or Fortran order, converted to C). *out is freed
 * with ovp_numeric_array_free. Errors: OVP_EFORMAT (position and reason; bytes left over after the array included),
 * OVP_ELIMIT (header over 64 KiB), OVP_ENOMEM, and those of ovp_io_read_file. The _parse functions here and below take
 * the bytes of a file; `name` stands for it in messages. */
OVP_API ovp_status ovp_io_npy_read(ovp_numeric_array *out, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_npy_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data,
                                    size_t bytes);
/* Version 1.0, little endian on little-endian machines, the bytes numpy.save would write; atomic. Errors: those of
 * ovp_io_write_file. */
OVP_API ovp_status ovp_io_npy_write(ovp_ctx *ctx, const char *path, const ovp_numeric_array *array);

typedef struct ovp_io_named_array {
    char *name;
    ovp_numeric_array array;
} ovp_io_named_array;
/* npz, stored or deflated entries. Free the list with ovp_io_npz_free. Errors: OVP_EFORMAT (not a zip, an entry that is
 * no array, claims more than its packed bytes can hold, stands twice, is encrypted, or whose name is absolute or holds
 * "..", '\\', ':' or control characters), OVP_ELIMIT (over 4 GiB more than the file once unpacked, over 4096 entries),
 * OVP_ENOMEM, and those of ovp_io_npy_parse and ovp_io_read_file. */
OVP_API ovp_status ovp_io_npz_read(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const char *path);
/* Stored entries; opens with numpy.load(..., allow_pickle=False). Same content gives the same bytes (no time stamps);
 * atomic. names are borrowed. Errors: OVP_EINVAL (a name twice, or one that reading would refuse), OVP_EIO,
 * OVP_ENOMEM. */
OVP_API ovp_status ovp_io_npz_write(ovp_ctx *ctx, const char *path, const ovp_io_named_array *arrays, ovp_idx count);
/* NULL is fine. */
OVP_API void ovp_io_npz_free(ovp_ctx *ctx, ovp_io_named_array *arrays, ovp_idx count);

/* IDX (read: gzip or not, up to 4 GiB unpacked), types u1 i4 f4 f8 (others refused by name), up to 8 dimensions. *out
 * is freed with ovp_numeric_array_free. Errors: OVP_EFORMAT, OVP_ENOMEM, and those of ovp_io_read_file. */
OVP_API ovp_status ovp_io_idx_read(ovp_numeric_array *out, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_idx_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data,
                                    size_t bytes);

/* A file or folder (bytes 0, name ending in '/') of a tar archive in memory; data points into it. */
typedef struct ovp_io_tar_member {
    char name[260];
    const void *data; /* NULL: the archive is at its end */
    size_t bytes;
} ovp_io_tar_member;
/* The member at *at (0 at first), which moves on behind it. Only ustar headers (GNU's too). Errors: OVP_EFORMAT (no
 * header there, an archive that ends early, a size that the archive does not hold, links and devices, names that are
 * absolute or hold ".."). */
OVP_API ovp_status ovp_io_tar_next(ovp_io_tar_member *out, ovp_ctx *ctx, const char *name, const void *data,
                                   size_t bytes, size_t *at);

/* ---- images -------------------------------------------------------------------------------------- */

/* A PNG or JPEG image (told apart by their first bytes) as a u8 array [rows, columns, channels], freed with
 * ovp_numeric_array_free. channels: 0 as stored, 1 gray, 3 RGB. Palettes become RGB, 16 bits are rounded to 8, 1 to 4
 * bits are spread over 0..255, transparency is dropped; gray from RGB is the luma of ITU-R BT.601 as Pillow rounds it.
 * JPEG pixels are those of libjpeg's defaults. Colour profiles, gamma and EXIF rotation are not applied; bytes after
 * the image are ignored. Errors: OVP_EFORMAT (not an image, damaged or cut off - what a JPEG decoder warns about
 * included -, CMYK, arithmetic coding, claims more than its bytes can hold), OVP_ELIMIT (over 2^14 pixels a side or
 * 2^26 in all; a file over 256 MiB), OVP_EINVAL (channels), OVP_EUNAVAILABLE (built without that library), OVP_ENOMEM,
 * and those of ovp_io_read_file. */
OVP_API ovp_status ovp_io_image_read(ovp_numeric_array *out, ovp_ctx *ctx, const char *path, int channels);
OVP_API ovp_status ovp_io_image_parse(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const void *data,
                                      size_t bytes, int channels);
/* A u8 array [rows, columns] or [rows, columns, 1 or 3] as 8-bit PNG, gray or RGB. Same content gives the same bytes
 * (with one version of libpng and zlib); atomic. Errors: OVP_EINVAL (another type or shape, no pixels), OVP_ELIMIT as
 * above, OVP_EUNAVAILABLE, OVP_ENOMEM, and those of ovp_io_write_file. */
OVP_API ovp_status ovp_io_png_write(ovp_ctx *ctx, const char *path, const ovp_numeric_array *image);
/* Name and version of the library that reads "png" or "jpeg", "libpng 1.6.39"; NULL if this build has none. */
OVP_API const char *ovp_io_image_library(const char *format);

/* ---- csv ----------------------------------------------------------------------------------------- */

/* RFC 4180 table as text cells; the first record is the header, every other one has as many cells. LF or CRLF, a byte
 * order mark is skipped. Errors: OVP_EFORMAT (line and column), OVP_ENOMEM, and those of ovp_io_read_file (limit 1
 * GiB). Free with ovp_io_csv_free. */
typedef struct ovp_io_csv {
    ovp_idx columns, rows;
    char **header; /* columns */
    char **cells;  /* rows x columns */
} ovp_io_csv;
OVP_API ovp_status ovp_io_csv_parse(ovp_io_csv *out, ovp_ctx *ctx, const char *name, const char *data, size_t bytes);
OVP_API ovp_status ovp_io_csv_read(ovp_io_csv *out, ovp_ctx *ctx, const char *path);
OVP_API void ovp_io_csv_free(ovp_ctx *ctx, ovp_io_csv *csv);
/* For tables that may come without a heading. Where every cell of the first line is a number (as below) the line is a
 * row: it becomes the first one, csv->cells = csv->header and the result 1. Else, 0, it is the heading. Once a table.
 */
OVP_API int ovp_io_csv_bare(ovp_io_csv *csv);
/* The cells of a table as an f64 array [rows, columns]; the names of the columns stay in csv->header. A number is what
 * ovp_parse_real takes, with blanks around it, and inf, infinity and nan in any case; finite: 1 refuses those. *out is
 * freed with ovp_numeric_array_free; name stands for the file in messages. Errors: OVP_EFORMAT (line, column and
 * heading, if there is one, of the first cell that is none, an empty one included), OVP_ENOMEM. */
OVP_API ovp_status ovp_io_csv_numbers(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const ovp_io_csv *csv,
                                      int finite);
/* The same of these columns alone (numbers from 0, programmer error beyond csv->columns), in this order; NULL: all. csv
 * is as it was read. */
OVP_API ovp_status ovp_io_csv_columns(ovp_numeric_array *out, ovp_ctx *ctx, const char *name, const ovp_io_csv *csv,
                                      ovp_idx count, const ovp_idx *columns, int finite);
/* Appends one cell, quoted if it must be (comma, quote, line break, leading or trailing blank). */
OVP_API void ovp_io_csv_add_cell(ovp_text *text, const char *cell);

/* ---- json (jansson) and yaml --------------------------------------------------------------------- */

struct json_t;
/* Parses a JSON text (at most 64 deep, duplicate keys refused); *out is a new reference (json_decref). Errors:
 * OVP_EFORMAT with line and column, OVP_ENOMEM, and those of ovp_io_read_file (limit 64 MiB). */
OVP_API ovp_status ovp_io_json_parse(struct json_t **out, ovp_ctx *ctx, const char *name, const char *data,
                                     size_t bytes);
OVP_API ovp_status ovp_io_json_read(struct json_t **out, ovp_ctx *ctx, const char *path);
/* Appends value as JSON: shortest round-trip decimals (reals keep a point or exponent: 1.0), keys in insertion order;
 * indent 0: one line, else that many blanks a level, with lists of plain values on one line. */
OVP_API void ovp_io_json_dump(ovp_text *text, const struct json_t *value, int indent);
/* Number as JSON real, null if it is not finite (json_real(NAN) would be a NULL pointer). New reference. */
OVP_API struct json_t *ovp_io_json_number(double value);

/* One `key: value` of a flat YAML (or JSON) mapping; value lists are joined with commas. */
typedef struct ovp_io_setting {
    char *key, *value;
    int line;
} ovp_io_setting;
/* A configuration file: a mapping of scalars and lists of scalars. Anchors, tags, nested mappings and several documents
 * are refused with the line. An empty file gives no settings. Errors: OVP_ECONFIG, OVP_ELIMIT (over 1 MiB), OVP_ENOMEM,
 * and those of ovp_io_read_file. Free with ovp_io_settings_free. */
OVP_API ovp_status ovp_io_yaml_read(ovp_io_setting **out, ovp_idx *count, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_yaml_parse(ovp_io_setting **out, ovp_idx *count, ovp_ctx *ctx, const char *name,
                                     const char *data, size_t bytes);
OVP_API void ovp_io_settings_free(ovp_ctx *ctx, ovp_io_setting *settings, ovp_idx count);

/* ---- safetensors --------------------------------------------------------------------------------- */

/* Named arrays with optional strings about them (__metadata__; line is not used). */
typedef struct ovp_io_safetensors {
    ovp_io_named_array *arrays;
    ovp_idx count;
    ovp_io_setting *metadata;
    ovp_idx metadata_count;
} ovp_io_safetensors;
/* A safetensors file; arrays in the order of their bytes, metadata in that of the header. F64 F32 I64 I32 U8 as they
 * are, F16 and BF16 widened to f32 (exact). Free with ovp_io_safetensors_free. Errors: OVP_EFORMAT (not such a file;
 * header that is no JSON object or names something twice; other types; over 8 dimensions; a shape that overflows or
 * does not fit its bytes; bytes outside the file, shared or claimed by no tensor), OVP_ELIMIT (header over 100 MB),
 * OVP_ENOMEM, and those of ovp_io_read_file. */
OVP_API ovp_status ovp_io_safetensors_read(ovp_io_safetensors *out, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_safetensors_parse(ovp_io_safetensors *out, ovp_ctx *ctx, const char *name, const void *data,
                                            size_t bytes);
/* As the reference implementation writes: 8-byte types first, then by name; the header padded with blanks to a multiple
 * of 8. Same content gives the same bytes; atomic. Errors: OVP_EINVAL (a name twice, not UTF-8 or "__metadata__"),
 * OVP_ELIMIT (header over 100 MB), OVP_ENOMEM, and those of ovp_io_write_file. */
OVP_API ovp_status ovp_io_safetensors_write(ovp_ctx *ctx, const char *path, const ovp_io_safetensors *file);
/* Frees what the struct holds and zeroes it; NULL is fine. */
OVP_API void ovp_io_safetensors_free(ovp_ctx *ctx, ovp_io_safetensors *file);

/* ---- TensorBoard event files --------------------------------------------------------------------- */

/* One point of a curve. wall_time: seconds since 1970. */
typedef struct ovp_io_scalar {
    const char *tag;
    int64_t step;
    double wall_time, value;
} ovp_io_scalar;
typedef struct ovp_io_tfevents {
    ovp_io_scalar *scalars; /* in the order of the file; tags live as long as this */
    ovp_idx count;
    ovp_idx records; /* whole ones */
    ovp_idx others;  /* values that are no scalars (histograms, images, text, ..), skipped */
    int truncated;   /* the file ends within a record, as that of a run that died; what stands before it was read */
} ovp_io_tfevents;
/* Scalars of an event file (events.out.tfevents.*): simple_value, and tensors of rank 0 of type float or double.
 * Unknown fields are skipped. Free with ovp_io_tfevents_free. Errors: OVP_EFORMAT (byte and record: a wrong check sum,
 * no protocol buffer, a tag not in UTF-8; no file of this kind: no whole record, or the first names no version
 * "brain.Event:"), OVP_ENOMEM, and those of ovp_io_read_file (limit 1 GiB). */
OVP_API ovp_status ovp_io_tfevents_read(ovp_io_tfevents *out, ovp_ctx *ctx, const char *path);
OVP_API ovp_status ovp_io_tfevents_parse(ovp_io_tfevents *out, ovp_ctx *ctx, const char *name, const void *data,
                                         size_t bytes);
/* Frees what the struct holds and zeroes it; NULL is fine. */
OVP_API void ovp_io_tfevents_free(ovp_ctx *ctx, ovp_io_tfevents *events);
/* An event file of version brain.Event:2 with one event a scalar; values are rounded to float, the format's own. The
 * version's record takes the first scalar's time, so same content gives the same bytes; atomic. TensorBoard looks for
 * "tfevents" in the file's name. Errors: OVP_EINVAL (a tag empty or not UTF-8), OVP_ENOMEM, and those of
 * ovp_io_write_file. */
OVP_API ovp_status ovp_io_tfevents_write(ovp_ctx *ctx, const char *path, const ovp_io_scalar *scalars, ovp_idx count);

#ifdef __cplusplus
}
#endif
#endif
