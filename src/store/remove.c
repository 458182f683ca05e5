/* Removing a run folder. Everything goes through descriptors relative to the folder (openat, unlinkat, O_NOFOLLOW), so
 * that neither a link inside nor a folder swapped for a link meanwhile can lead the removal elsewhere. */
#include "store/store_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Run folders are three levels deep; more is not ours to delete. */
#define MAX_DEPTH 16

static int dots(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Empties the folder of a descriptor, which is closed. `keep_manifest` leaves the manifest, which must go last: a
 * removal that was stopped half-way can then be repeated. Returns 0 or errno; *where names the entry. */
static int empty_folder(int fd, dev_t device, int depth, int keep_manifest, char *where, size_t bytes) {
    int reason = 0;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        reason = errno;
        (void)close(fd);
        return reason;
    }
    for (;;) {
        struct stat info;
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            reason = errno;
            break;
        }
        if (dots(entry->d_name) || (keep_manifest && strcmp(entry->d_name, STORE_MANIFEST) == 0)) continue;
        if (fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            reason = errno;
        else if (!S_ISDIR(info.st_mode)) {
            if (unlinkat(fd, entry->d_name, 0) != 0) reason = errno;
        } else {
            int child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            struct stat opened;
            if (child < 0)
                reason = errno;
            else if (fstat(child, &opened) != 0 || opened.st_dev != device || depth == 0) {
                reason = depth == 0 ? ELOOP : EXDEV; /* a mounted file system is not ours */
                (void)close(child);
            } else
                reason = empty_folder(child, device, depth - 1, 0, where, bytes);
            if (!reason && unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0) reason = errno;
        }
        if (reason) {
            if (!where[0]) (void)snprintf(where, bytes, "%s", entry->d_name);
            break;
        }
    }
    (void)closedir(dir);
    return reason;
}

/* Splits dir into its parent and a real last component. */
static int split(const char *dir, char parent[STORE_PATH_MAX], char name[256]) {
    size_t length = dir ? strlen(dir) : 0;
    if (length == 0 || length >= STORE_PATH_MAX) return 0;
    while (length > 0 && dir[length - 1] == '/') length--;
    size_t start = length;
    while (start > 0 && dir[start - 1] != '/') start--;
    if (length - start == 0 || length - start > 255) return 0;
    (void)snprintf(name, 256, "%.*s", (int)(length - start), dir + start);
    if (dots(name)) return 0;
    if (start == 0)
        (void)snprintf(parent, STORE_PATH_MAX, ".");
    else
        (void)snprintf(parent, STORE_PATH_MAX, "%.*s", (int)start, dir);
    return 1;
}

ovp_status ovp_store_remove(ovp_ctx *ctx, const char *dir) {
    ovp_status status = OVP_OK;
    char parent[STORE_PATH_MAX], name[256], where[256] = "";
    const char *why = "";
    struct stat info;
    int up = -1, folder = -1, reason;
    json_t *manifest = NULL;

    if (!split(dir, parent, name))
        return ovp_fail(ctx, OVP_EINVAL, "cannot remove '%.200s': give the path of a run folder itself",
                        dir ? dir : "");
    up = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (up >= 0) folder = openat(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) {
        reason = errno;
        int link = up >= 0 && fstatat(up, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
        OVP_TRY(ovp_fail(ctx, reason == ENOENT ? OVP_ENOTFOUND : OVP_EIO, "cannot remove %s: %s", dir,
                         link ? "it is a link, and links are not followed; give the folder itself" : strerror(reason)));
    }
    manifest = store_manifest_at(folder, &why);
    if (!manifest) {
        /* Left by a run that died between mkdir and its manifest: empty, with a name only we give. */
        if (store_is_id(name) && unlinkat(up, name, AT_REMOVEDIR) == 0) goto done;
        OVP_TRY(ovp_fail(ctx, OVP_EINVAL,
                         "refused to remove %s: %s, so it is no run folder of overparam; nothing was "
                         "removed",
                         dir, why));
    }
    if (strcmp(store_status(manifest), "running") == 0)
        OVP_TRY(ovp_fail(ctx, OVP_EINVAL, "refused to remove %s: its run is still going (process %lld); stop it first",
                         dir,
                         (long long)json_integer_value(json_object_get(json_object_get(manifest, "process"), "pid"))));
    if (fstat(folder, &info) != 0) OVP_TRY(ovp_fail(ctx, OVP_EIO, "cannot remove %s: %s", dir, strerror(errno)));
    int again = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    reason = again < 0 ? errno : empty_folder(again, info.st_dev, MAX_DEPTH, 1, where, sizeof(where));
    if (!reason && unlinkat(folder, STORE_MANIFEST, 0) != 0) reason = errno;
    if (!reason && unlinkat(up, name, AT_REMOVEDIR) != 0) reason = errno;
    if (reason)
        OVP_TRY(ovp_fail(ctx, OVP_EIO, "cannot remove %s%s%s: %s; the rest is kept and can be removed again", dir,
                         where[0] ? "/.../" : "", where, strerror(reason)));
done:
    if (folder >= 0) (void)close(folder);
    if (up >= 0) (void)close(up);
    json_decref(manifest);
    return status;
}
