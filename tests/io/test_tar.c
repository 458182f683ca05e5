/* tar archives, written here byte by byte. */
#include "io/helper.h"

#include <overparam/io.h>

typedef struct archive {
    unsigned char data[16384];
    size_t bytes;
} archive;

static void seal(unsigned char *header) {
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++) sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
}

/* A header and its content; returns the header, to be spoilt and sealed again. */
static unsigned char *add(archive *a, const char *name, char type, const char *content) {
    unsigned char *header = a->data + a->bytes;
    const size_t size = strlen(content);
    memset(header, 0, 512);
    strncpy((char *)header, name, 100);
    snprintf((char *)header + 100, 8, "0000644");
    snprintf((char *)header + 124, 12, "%011o", (unsigned)size);
    header[156] = (unsigned char)type;
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    seal(header);
    memcpy(header + 512, content, size);
    a->bytes += 512 + (size + 511) / 512 * 512;
    return header;
}

static void end(archive *a) {
    a->bytes += 1024;
}

/* Everything up to the end of the archive or the first failure; *members counts them. */
static ovp_status read_all(fixture *f, const void *data, size_t bytes, int *members) {
    ovp_io_tar_member member;
    size_t at = 0;
    *members = 0;
    for (;;) {
        ovp_status status = ovp_io_tar_next(&member, f->ctx, "a.tar", data, bytes, &at);
        if (status != OVP_OK || !member.data) return status;
        assert_true((const char *)member.data >= (const char *)data);
        assert_true((const char *)member.data + member.bytes <= (const char *)data + bytes);
        assert_true(strlen(member.name) > 0 && strlen(member.name) < sizeof(member.name));
        ++*members;
    }
}

static void good_archive(void **state) {
    fixture *f = *state;
    archive a = {0};
    ovp_io_tar_member m;
    size_t at = 0;
    add(&a, "d/", '5', "");
    add(&a, "d/one", '0', "hello");
    memcpy(add(&a, "two", 0, "") + 345, "long/prefix", 11);
    seal(a.data + a.bytes - 512);
    memcpy(add(&a, "gnu", '0', "x") + 257, "ustar  ", 8); /* GNU tar, whose prefix field holds times */
    memcpy(a.data + a.bytes - 1024 + 345, "123", 3);
    seal(a.data + a.bytes - 1024);
    end(&a);
    assert_ok(f, ovp_io_tar_next(&m, f->ctx, "a.tar", a.data, a.bytes, &at));
    assert_string_equal(m.name, "d/");
    assert_int_equal(m.bytes, 0);
    assert_ok(f, ovp_io_tar_next(&m, f->ctx, "a.tar", a.data, a.bytes, &at));
    assert_string_equal(m.name, "d/one");
    assert_int_equal(m.bytes, 5);
    assert_memory_equal(m.data, "hello", 5);
    assert_ok(f, ovp_io_tar_next(&m, f->ctx, "a.tar", a.data, a.bytes, &at));
    assert_string_equal(m.name, "long/prefix/two");
    assert_ok(f, ovp_io_tar_next(&m, f->ctx, "a.tar", a.data, a.bytes, &at));
    assert_string_equal(m.name, "gnu");
    assert_ok(f, ovp_io_tar_next(&m, f->ctx, "a.tar", a.data, a.bytes, &at));
    assert_null(m.data);
}

#define ONE(member_name, type, spoil, part)                                                                            \
    do {                                                                                                               \
        archive a = {0};                                                                                               \
        int seen;                                                                                                      \
        unsigned char *header = add(&a, member_name, type, "content");                                                 \
        (void)header;                                                                                                  \
        spoil;                                                                                                         \
        seal(a.data);                                                                                                  \
        end(&a);                                                                                                       \
        assert_failed(f, read_all(f, a.data, a.bytes, &seen), OVP_EFORMAT, part);                                      \
    } while (0)

static void refused(void **state) {
    fixture *f = *state;
    int members;
    ONE("../out", '0', , "'../out' at byte 0 leads out of its folder");
    ONE("a/../../out", '0', , "leads out");
    ONE("a/..", '0', , "leads out");
    ONE("/etc/passwd", '0', , "has an absolute name");
    ONE("", '0', , "has no name");
    ONE("l", '1', , "is a link");
    ONE("l", '2', , "is a link");
    ONE("dev", '3', , "neither a file nor a folder");
    ONE("pax", 'x', , "neither a file nor a folder");
    ONE("GNU long name", 'L', , "neither a file nor a folder");
    ONE("huge", '0', memcpy(header + 124, "77777777777", 12), "claims more bytes than the archive has");
    ONE("huge", '0', memset(header + 124, 0xff, 12), "has no readable size");
    ONE("none", '0', memset(header + 124, 0, 12), "has no readable size");
    ONE("old", '0', memset(header + 257, 0, 8), "no ustar header at byte 0 (another kind of file or of tar)");
    archive a = {0};
    add(&a, "sum", '0', "x")[0] = 'S';
    assert_failed(f, read_all(f, a.data, a.bytes + 1024, &members), OVP_EFORMAT, "its sum is wrong");
    assert_failed(f, read_all(f, "", 0, &members), OVP_EFORMAT, "ends early");
}

/* Cut at every byte: never beyond the end, and without its end block never taken for whole. */
static void truncated(void **state) {
    fixture *f = *state;
    archive a = {0};
    int members;
    add(&a, "one", '0', "hello");
    add(&a, "two", '0', "world");
    end(&a);
    for (size_t bytes = 0; bytes <= a.bytes; bytes++) {
        char *copy = malloc(bytes ? bytes : 1); /* so that a step too far is seen by the sanitizer */
        memcpy(copy, a.data, bytes);
        ovp_status status = read_all(f, copy, bytes, &members);
        if (bytes < 2048 + 512)
            assert_failed(f, status, OVP_EFORMAT, "a.tar: ");
        else
            assert_ok(f, status);
        free(copy);
    }
}

/* Every bit of both headers flipped, sealed again and not. */
static void flipped(void **state) {
    fixture *f = *state;
    int members, refusals = 0;
    for (int bit = 0; bit < 512 * 8; bit++)
        for (int sealed = 0; sealed < 2; sealed++) {
            archive a = {0};
            add(&a, "one", '0', "hello");
            end(&a);
            a.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
            if (sealed) seal(a.data);
            ovp_status status = read_all(f, a.data, a.bytes, &members);
            refusals += status != OVP_OK;
            ovp_clear(f->ctx);
            if (!sealed && (bit < 148 * 8 || bit >= 156 * 8)) assert_int_equal(status, OVP_EFORMAT);
        }
    assert_true(refusals > 4000);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {CASE(good_archive), CASE(refused), CASE(truncated), CASE(flipped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
