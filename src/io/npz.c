/* npz: a zip archive of npy files, through libzip. */
#include "io/io_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#define DOS_1980_01_01 0x21

/* A name that can stand in a message and, whatever a host does with it, never leads out of a folder. NULL: fine. */
static const char *name_problem(const char *name) {
    if (!name[0]) return "is empty";
    if (name[0] == '/' || strchr(name, '\\') || strchr(name, ':')) return "looks like an absolute path";
    for (const char *part = name; part; part = strchr(part, '/')) {
        if (*part == '/') part++;
        if (strncmp(part, "..", 2) == 0 && (!part[2] || part[2] == '/')) return "leads out of its folder";
    }
    for (; *name; name++)
        if ((unsigned char)*name < 32 || *name == 127) return "holds control characters";
    return NULL;
}

/* ---- reading ------------------------------------------------------------------------------------- */

typedef struct source {
    ovp_ctx *ctx;
    const char *name;
    zip_t *zip;
    int64_t left; /* of the limit on unpacked bytes */
} source;

static ovp_status fail_entry(source *s, ovp_status status, const char *entry, const char *what) {
    ovp_io_shown shown = ovp_io_show(entry, strlen(entry));
    return ovp_fail(s->ctx, status, "%s: npz entry '%s' %s", s->name, shown.text, what);
}

/* Checks what the directory claims of entry i before a byte of it is unpacked. */
static ovp_status check_entry(source *s, zip_uint64_t i, zip_stat_t *about) {
    const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(s->zip, i, 0, about) != 0 || (about->valid & needed) != needed)
        return ovp_fail(s->ctx, OVP_EFORMAT, "%s: npz entry %llu cannot be described", s->name, (unsigned long long)i);
    const char *problem = name_problem(about->name);
    if (problem) return fail_entry(s, OVP_EFORMAT, about->name, problem);
    size_t n = strlen(about->name);
    if (n < 5 || strcmp(about->name + n - 4, ".npy") != 0)
        return fail_entry(s, OVP_EFORMAT, about->name, "is no array (a name ending in .npy expected)");
    if (about->valid & ZIP_STAT_ENCRYPTION_METHOD && about->encryption_method != ZIP_EM_NONE)
        return fail_entry(s, OVP_EFORMAT, about->name, "is encrypted");
    if (about->comp_method != ZIP_CM_STORE && about->comp_method != ZIP_CM_DEFLATE)
        return fail_entry(s, OVP_EFORMAT, about->name, "uses a compression other than deflate");
    if (about->comp_method == ZIP_CM_STORE ? about->size != about->comp_size
                                           : about->size / OVP_IO_DEFLATE_RATIO > about->comp_size + 1)
        return fail_entry(s, OVP_EFORMAT, about->name, "claims a size that its packed bytes cannot hold");
    if (about->size > (zip_uint64_t)s->left)
        return fail_entry(s, OVP_ELIMIT, about->name, "takes the archive over the limit on unpacked bytes");
    s->left -= (int64_t)about->size;
    return OVP_OK;
}

static ovp_status read_entry(ovp_io_named_array *out, source *s, zip_uint64_t i) {
    ovp_status status = OVP_OK;
    zip_stat_t about;
    zip_file_t *file = NULL;
    char *bytes = NULL, *label = NULL;
    char extra;
    OVP_TRY(check_entry(s, i, &about));
    size_t size = (size_t)about.size, got = 0, stem = strlen(about.name) - 4;
    OVP_TRY(ovp_strdup(s->ctx, &out->name, about.name));
    out->name[stem] = 0;
    OVP_TRY(ovp_alloc(s->ctx, &bytes, (ovp_idx)size, 1));
    file = zip_fopen_index(s->zip, i, 0);
    if (!file) {
        status = fail_entry(s, OVP_EFORMAT, about.name, zip_error_strerror(zip_get_error(s->zip)));
        goto done;
    }
    zip_int64_t n = 0;
    while (got < size && (n = zip_fread(file, bytes + got, size - got)) > 0) got += (size_t)n;
    /* The read beyond the end makes libzip compare the CRC. */
    if (n >= 0 && got == size) n = zip_fread(file, &extra, 1);
    if (n != 0 || got != size) {
        status = fail_entry(s, OVP_EFORMAT, about.name,
                            n < 0 ? zip_error_strerror(zip_file_get_error(file)) : "is not as long as it claims");
        goto done;
    }
    size_t room = strlen(s->name) + sizeof(ovp_io_shown) + 2;
    OVP_TRY(ovp_alloc(s->ctx, &label, (ovp_idx)room, 1));
    snprintf(label, room, "%s:%s", s->name, ovp_io_show(about.name, strlen(about.name)).text);
    OVP_TRY(ovp_io_npy_parse(&out->array, s->ctx, label, bytes, size));
done:
    if (file) zip_fclose(file);
    ovp_free(s->ctx, bytes);
    ovp_free(s->ctx, label);
    return status;
}

ovp_status ovp_io_npz_parse(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const char *name, const void *data,
                            size_t bytes, int64_t unpacked_limit) {
    ovp_status status = OVP_OK;
    source s = {.ctx = ctx, .name = name, .left = unpacked_limit};
    zip_source_t *buffer = NULL;
    zip_error_t error;
    ovp_io_named_array *arrays = NULL;
    ovp_idx made = 0;
    assert(out && count && name && (data || !bytes));
    *out = NULL;
    *count = 0;
    zip_error_init(&error);
    if (!bytes) {
        status = ovp_fail(ctx, OVP_EFORMAT, "%s: not an npz file: empty", name);
        goto done;
    }
    buffer = zip_source_buffer_create(data, bytes, 0, &error);
    if (buffer) s.zip = zip_open_from_source(buffer, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    if (!s.zip) {
        zip_source_free(buffer);
        status = ovp_fail(ctx, zip_error_code_zip(&error) == ZIP_ER_MEMORY ? OVP_ENOMEM : OVP_EFORMAT,
                          "%s: not a readable npz (zip) file: %s", name,
                          zip_error_code_zip(&error) == ZIP_ER_EXISTS ? "two entries have one name"
                                                                      : zip_error_strerror(&error));
        goto done;
    }
    zip_int64_t entries = zip_get_num_entries(s.zip, 0);
    if (entries > OVP_IO_MAX_ENTRIES) {
        status = ovp_fail(ctx, OVP_ELIMIT, "%s: npz with %lld entries; %d is the limit", name, (long long)entries,
                          OVP_IO_MAX_ENTRIES);
        goto done;
    }
    OVP_TRY(ovp_alloc(ctx, &arrays, entries, sizeof(*arrays)));
    for (; made < entries; made++) {
        status = read_entry(&arrays[made], &s, (zip_uint64_t)made);
        if (status != OVP_OK) {
            made++; /* the failed one may hold a part */
            goto done;
        }
    }
    *out = arrays;
    *count = made;
    arrays = NULL;
done:
    ovp_io_npz_free(ctx, arrays, made);
    if (s.zip) zip_discard(s.zip);
    zip_error_fini(&error);
    return status;
}

ovp_status ovp_io_npz_read(ovp_io_named_array **out, ovp_idx *count, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *data = NULL;
    size_t bytes = 0;
    assert(out && count && path);
    *out = NULL;
    *count = 0;
    OVP_TRY(ovp_io_read_file(&data, &bytes, ctx, path, OVP_IO_FILE_LIMIT, 0));
    /* Stored entries are as large as the file; only what deflate adds on top is limited. */
    OVP_TRY(ovp_io_npz_parse(out, count, ctx, path, data, bytes, OVP_IO_UNPACKED_LIMIT + (int64_t)bytes));
done:
    ovp_free(ctx, data);
    return status;
}

void ovp_io_npz_free(ovp_ctx *ctx, ovp_io_named_array *arrays, ovp_idx count) {
    if (!arrays) return;
    for (ovp_idx i = 0; i < count; i++) {
        ovp_free(ctx, arrays[i].name);
        ovp_numeric_array_free(ctx, &arrays[i].array);
    }
    ovp_free(ctx, arrays);
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* Adds one array; head receives its npy header and must live until the archive is closed. */
static ovp_status add_entry(ovp_ctx *ctx, const char *path, zip_t *zip, const ovp_io_named_array *entry,
                            ovp_text *head) {
    ovp_status status = OVP_OK;
    ovp_text file = {.ctx = ctx};
    const char *problem = name_problem(entry->name);
    if (problem)
        return ovp_fail(ctx, OVP_EINVAL, "%s: array name '%s' %s", path,
                        ovp_io_show(entry->name, strlen(entry->name)).text, problem);
    ovp_io_npy_header(head, &entry->array);
    ovp_text_add(&file, "%s.npy", entry->name);
    OVP_TRY(ovp_text_status(head));
    OVP_TRY(ovp_text_status(&file));
    zip_uint64_t bytes =
        (zip_uint64_t)ovp_numeric_array_count(&entry->array) * ovp_numeric_type_size(entry->array.type);
    zip_buffer_fragment_t parts[] = {{(zip_uint8_t *)head->data, head->length},
                                     {(zip_uint8_t *)entry->array.data, bytes}};
    zip_source_t *content = zip_source_buffer_fragment(zip, parts, bytes ? 2 : 1, 0);
    zip_int64_t at = content ? zip_file_add(zip, file.data, content, ZIP_FL_ENC_UTF_8) : -1;
    if (at < 0 || zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(zip, (zip_uint64_t)at, 0, DOS_1980_01_01, 0) != 0) {
        if (at < 0) zip_source_free(content);
        zip_error_t *error = zip_get_error(zip);
        status = ovp_fail(ctx, zip_error_code_zip(error) == ZIP_ER_MEMORY ? OVP_ENOMEM : OVP_EINVAL,
                          "%s: array '%s' cannot be added: %s", path,
                          ovp_io_show(entry->name, strlen(entry->name)).text, zip_error_strerror(error));
    }
done:
    ovp_text_free(&file);
    return status;
}

ovp_status ovp_io_npz_write(ovp_ctx *ctx, const char *path, const ovp_io_named_array *arrays, ovp_idx count) {
    /* libzip removes an archive without entries instead of writing it. */
    static const char empty[22] = {'P', 'K', 5, 6};
    ovp_status status = OVP_OK;
    ovp_io_temp temp = {0};
    ovp_text *heads = NULL;
    zip_t *zip = NULL;
    int fd = -1, code = 0;
    assert(path && (arrays || !count) && count >= 0);
    if (!count) return ovp_io_write_file(ctx, path, empty, sizeof(empty));
    OVP_TRY(ovp_alloc(ctx, &heads, count, sizeof(*heads)));
    OVP_TRY(ovp_io_temp_create(&temp, &fd, ctx, path));
    close(fd); /* libzip opens by name */
    zip = zip_open(temp.path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!zip) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        status = ovp_fail(ctx, OVP_EIO, "%s: cannot be written: %s", path, zip_error_strerror(&error));
        zip_error_fini(&error);
        goto done;
    }
    for (ovp_idx i = 0; i < count; i++) {
        heads[i].ctx = ctx;
        OVP_TRY(add_entry(ctx, path, zip, &arrays[i], &heads[i]));
    }
    if (zip_close(zip) != 0) {
        status = ovp_fail(ctx, OVP_EIO, "%s: cannot be written: %s", path, zip_error_strerror(zip_get_error(zip)));
        goto done;
    }
    zip = NULL;
    fd = open(temp.path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        status = ovp_fail(ctx, OVP_EIO, "%s: cannot be written: %s", path, strerror(errno));
        goto done;
    }
    OVP_TRY(ovp_io_temp_commit(ctx, &temp, fd));
done:
    if (zip) zip_discard(zip);
    for (ovp_idx i = 0; heads && i < count; i++) ovp_text_free(&heads[i]);
    ovp_free(ctx, heads);
    ovp_io_temp_free(ctx, &temp);
    return status;
}
