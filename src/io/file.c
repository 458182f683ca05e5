/* Whole files in, whole files out: reading with limits, atomic writing, folders. */
#include "io/io_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

ovp_io_shown ovp_io_show(const void *bytes, size_t count) {
    ovp_io_shown shown;
    const unsigned char *from = bytes;
    size_t room = sizeof(shown.text) - 3, n = count < room ? count : room;
    for (size_t i = 0; i < n; i++) shown.text[i] = from[i] >= 32 && from[i] < 127 ? (char)from[i] : '?';
    shown.text[n] = 0;
    if (n < count) memcpy(shown.text + n, "..", 3);
    return shown;
}

int ovp_io_utf8(const void *bytes, size_t count) {
    const unsigned char *at = bytes, *end = at + count;
    while (at < end) {
        unsigned first = *at++, least = 0x80, most = 0xbf;
        int more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (first >= 0x80 && (first < 0xc2 || first > 0xf4)) return 0;
        /* Longer forms than needed, surrogates, and beyond U+10FFFF. */
        if (first == 0xe0) least = 0xa0;
        if (first == 0xed) most = 0x9f;
        if (first == 0xf0) least = 0x90;
        if (first == 0xf4) most = 0x8f;
        for (; more > 0; more--, at++, least = 0x80, most = 0xbf)
            if (at == end || *at < least || *at > most) return 0;
    }
    return 1;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static ovp_status fail_open(ovp_ctx *ctx, const char *path, int error) {
    ovp_status status = error == ENOENT || error == ENOTDIR ? OVP_ENOTFOUND : OVP_EIO;
    return ovp_fail(ctx, status, "%s: cannot be read: %s", path, strerror(error));
}

static ovp_status fail_size(ovp_ctx *ctx, const char *path, int64_t limit) {
    return ovp_fail(ctx, OVP_ELIMIT, "%s: larger than the limit of %lld bytes for this kind of file", path,
                    (long long)limit);
}

/* ovp_alloc gives no realloc; doubling keeps the copies linear. */
static ovp_status grow(char **data, size_t *capacity, size_t used, size_t wanted, ovp_ctx *ctx) {
    char *larger = NULL;
    ovp_status status = ovp_alloc(ctx, &larger, (ovp_idx)wanted, 1);
    if (status != OVP_OK) return status;
    if (used) memcpy(larger, *data, used);
    ovp_free(ctx, *data);
    *data = larger;
    *capacity = wanted;
    return OVP_OK;
}

static ovp_status read_all(char **data, size_t *bytes, ovp_ctx *ctx, int fd, const char *path, int64_t limit) {
    ovp_status status = OVP_OK;
    struct stat about;
    size_t capacity = 0, used = 0;
    if (fstat(fd, &about) != 0) return fail_open(ctx, path, errno);
    if (S_ISDIR(about.st_mode)) return ovp_fail(ctx, OVP_EFORMAT, "%s: is a folder; a file is needed", path);
    if (!S_ISREG(about.st_mode) && limit > OVP_IO_UNPACKED_LIMIT) limit = OVP_IO_UNPACKED_LIMIT; /* /dev/zero */
    if (S_ISREG(about.st_mode) && about.st_size > limit) return fail_size(ctx, path, limit);
    /* One byte beyond the size tells a file that grew meanwhile, one more holds the terminator. */
    OVP_TRY(grow(data, &capacity, 0, S_ISREG(about.st_mode) ? (size_t)about.st_size + 2 : 65536, ctx));
    for (;;) {
        if (used + 1 == capacity) OVP_TRY(grow(data, &capacity, used, 2 * capacity, ctx));
        ssize_t got = read(fd, *data + used, capacity - 1 - used);
        if (got == 0) break;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_open(ctx, path, errno);
        used += (size_t)got;
        if (used > (uint64_t)limit) return fail_size(ctx, path, limit);
    }
    (*data)[used] = 0;
    *bytes = used;
done:
    return status;
}

ovp_status ovp_io_read_file(char **data, size_t *bytes, ovp_ctx *ctx, const char *path, int64_t limit, int gunzip) {
    ovp_status status = OVP_OK;
    char *plain = NULL, *unpacked = NULL;
    size_t plain_bytes = 0;
    assert(data && bytes && path && limit >= 0);
    *data = NULL;
    *bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_open(ctx, path, errno);
    status = read_all(&plain, &plain_bytes, ctx, fd, path, limit);
    close(fd);
    if (status != OVP_OK) goto done;
    if (gunzip && plain_bytes >= 2 && (unsigned char)plain[0] == 0x1f && (unsigned char)plain[1] == 0x8b) {
        OVP_TRY(ovp_io_gunzip(&unpacked, bytes, ctx, path, plain, plain_bytes, limit));
        *data = unpacked;
    } else {
        *data = plain;
        *bytes = plain_bytes;
        plain = NULL;
    }
done:
    ovp_free(ctx, plain);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static ovp_status fail_write(ovp_ctx *ctx, const char *path, int error) {
    return ovp_fail(ctx, OVP_EIO, "%s: cannot be written: %s%s", path, strerror(error),
                    error == ENOSPC || error == EDQUOT ? "; free some space or write to another disk" : "");
}

ovp_status ovp_io_write_fd(ovp_ctx *ctx, int fd, const char *name, const ovp_io_part *parts, int count) {
    for (int p = 0; p < count; p++) {
        const char *from = parts[p].data;
        for (size_t left = parts[p].bytes; left > 0;) {
            ssize_t put = write(fd, from, left);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return fail_write(ctx, name, errno);
            from += put;
            left -= (size_t)put;
        }
    }
    return OVP_OK;
}

/* Length of the folder part of path, its slash included. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* What path names once symbolic links are followed (they stay; the file behind is replaced), and its mode. */
static ovp_status resolve(ovp_io_temp *temp, ovp_ctx *ctx, const char *path) {
    struct stat about;
    temp->mode = -1;
    if (lstat(path, &about) != 0) {
        if (errno != ENOENT) return fail_write(ctx, path, errno);
        return ovp_strdup(ctx, &temp->target, path);
    }
    if (S_ISLNK(about.st_mode)) {
        char *real = realpath(path, NULL);
        if (!real || stat(real, &about) != 0) {
            int error = errno;
            free(real);
            return fail_write(ctx, path, error);
        }
        ovp_status status = ovp_strdup(ctx, &temp->target, real);
        free(real);
        if (status != OVP_OK) return status;
    } else {
        ovp_status status = ovp_strdup(ctx, &temp->target, path);
        if (status != OVP_OK) return status;
    }
    if (!S_ISREG(about.st_mode))
        return ovp_fail(ctx, OVP_EIO, "%s: cannot be written: it is a %s; name a file", path,
                        S_ISDIR(about.st_mode) ? "folder" : "device or pipe");
    temp->mode = (int)(about.st_mode & 0777);
    return OVP_OK;
}

ovp_status ovp_io_temp_create(ovp_io_temp *out, int *fd, ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    assert(out && fd && path);
    *out = (ovp_io_temp){0};
    *fd = -1;
    OVP_TRY(resolve(out, ctx, path));
    size_t folder = folder_length(out->target), room = folder + 64;
    OVP_TRY(ovp_alloc(ctx, &out->path, (ovp_idx)room, 1));
    /* A short name of our own: the target's may already be as long as the file system allows. */
    for (int n = 0; *fd < 0 && n < 1000; n++) {
        snprintf(out->path, room, "%.*s.ovp-%ld-%d.tmp", (int)folder, out->target, (long)getpid(), n);
        *fd = open(out->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd < 0 && errno != EEXIST) break;
    }
    if (*fd < 0) {
        int error = errno;
        ovp_free(ctx, out->path); /* nothing of ours to remove */
        out->path = NULL;
        status = fail_write(ctx, path, error);
    } else if (out->mode >= 0) {
        fchmod(*fd, (mode_t)out->mode); /* refused by some file systems: then the default stays */
    }
done:
    if (status != OVP_OK) ovp_io_temp_free(ctx, out);
    return status;
}

ovp_status ovp_io_temp_commit(ovp_ctx *ctx, ovp_io_temp *temp, int fd) {
    int failed = fsync(fd) != 0, error = errno;
    if (close(fd) != 0 && !failed) failed = 1, error = errno;
    if (!failed && rename(temp->path, temp->target) != 0) failed = 1, error = errno;
    if (failed) return fail_write(ctx, temp->target, error);
    /* The rename itself survives a power cut once the folder is synced; where that cannot be done the file is still
     * whole. */
    temp->path[folder_length(temp->path)] = 0;
    int folder = open(temp->path[0] ? temp->path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    ovp_free(ctx, temp->path);
    temp->path = NULL;
    return OVP_OK;
}

void ovp_io_temp_free(ovp_ctx *ctx, ovp_io_temp *temp) {
    if (temp->path) unlink(temp->path);
    ovp_free(ctx, temp->path);
    ovp_free(ctx, temp->target);
    *temp = (ovp_io_temp){0};
}

ovp_status ovp_io_write_parts(ovp_ctx *ctx, const char *path, const ovp_io_part *parts, int count) {
    ovp_status status = OVP_OK;
    ovp_io_temp temp = {0};
    int fd = -1;
    OVP_TRY(ovp_io_temp_create(&temp, &fd, ctx, path));
    status = ovp_io_write_fd(ctx, fd, path, parts, count);
    if (status == OVP_OK)
        status = ovp_io_temp_commit(ctx, &temp, fd);
    else
        close(fd);
done:
    ovp_io_temp_free(ctx, &temp);
    return status;
}

ovp_status ovp_io_write_file(ovp_ctx *ctx, const char *path, const void *data, size_t bytes) {
    ovp_io_part part = {data, bytes};
    assert(path && (data || !bytes));
    return ovp_io_write_parts(ctx, path, &part, 1);
}

ovp_status ovp_io_make_dirs(ovp_ctx *ctx, const char *path) {
    ovp_status status = OVP_OK;
    char *part = NULL;
    struct stat about;
    assert(path);
    if (!path[0]) return ovp_fail(ctx, OVP_EIO, "an empty name for a folder");
    OVP_TRY(ovp_strdup(ctx, &part, path));
    for (size_t i = 1;; i++) {
        if (path[i] && path[i] != '/') continue;
        part[i] = 0;
        if (mkdir(part, 0777) != 0) {
            int error = errno;
            if (stat(part, &about) != 0 || !S_ISDIR(about.st_mode)) {
                status = ovp_fail(ctx, OVP_EIO, "%s: the folder cannot be created: %s: %s", path, part,
                                  strerror(error == EEXIST ? ENOTDIR : error));
                goto done;
            }
        }
        if (!path[i]) break;
        part[i] = '/';
    }
done:
    ovp_free(ctx, part);
    return status;
}
