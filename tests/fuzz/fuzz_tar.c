/* tar: members lie inside the archive, one behind another, under names that stay in a folder. Headers whose sum begins
 * with '?' get the right one. */
#include "fuzz.h"

#include <overparam/io.h>

#define BLOCK 512
#define SUM 148

static void put_sums(uint8_t *archive, size_t size) {
    for (uint8_t *h = archive; size >= BLOCK; h += BLOCK, size -= BLOCK) {
        unsigned sum = 0;
        if (h[SUM] != '?') continue;
        memset(h + SUM, ' ', 8);
        for (int i = 0; i < BLOCK; i++) sum += h[i];
        snprintf((char *)h + SUM, 8, "%06o", sum);
    }
}

static void check_member(const ovp_io_tar_member *member, const char *archive, size_t size, const char *behind) {
    const char *from = member->data;
    fuzz_require(from >= behind && from - archive <= (ptrdiff_t)size &&
                     member->bytes <= size - (size_t)(from - archive),
                 "'%s' lies outside", member->name);
    fuzz_require(member->name[0] && member->name[0] != '/' && strcmp(member->name, "..") &&
                     strncmp(member->name, "../", 3) && !strstr(member->name, "/../"),
                 "'%s' leads out", member->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *archive = fuzz_text(data, size), *behind = archive;
    ovp_io_tar_member member;
    size_t at = 0;
    put_sums((uint8_t *)archive, size);
    while (fuzz_ok(ovp_io_tar_next(&member, fuzz_ctx(), "fuzz", archive, size, &at)) && member.data) {
        check_member(&member, archive, size, behind);
        behind = (char *)(uintptr_t)member.data + member.bytes;
        fuzz_require(at <= size && archive + at >= behind, "at byte %zu", at);
    }
    free(archive);
    return fuzz_end();
}
