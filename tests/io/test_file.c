#include "io/helper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <zlib.h>

#include "io/io_int.h"

/* ---- SHA-256 ------------------------------------------------------------------------------------- */

/* Vectors of FIPS 180-4's examples (csrc.nist.gov, SHA256.pdf and SHA2_Additional.pdf); the 55..65 byte ones, which
 * straddle the padding, from coreutils: head -c N /dev/zero | sha256sum. */
static void sha256_vectors(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
        const char *sum;
    } cases[] = {
        {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {NULL, 55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"},
        {NULL, 56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
        {NULL, 64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
        {NULL, 1000000, "d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025"},
    };
    char *zeros = calloc(1, 1000000), sum[65];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ovp_io_sha256(cases[i].text ? cases[i].text : zeros, cases[i].bytes, sum);
        assert_string_equal(sum, cases[i].sum);
    }
    memset(zeros, 'a', 1000000);
    ovp_io_sha256(zeros, 1000000, sum);
    assert_string_equal(sum, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(zeros);
}

/* What is hashed is long enough that whole blocks go through the processor's instructions where it has them: the plain
 * form over the same blocks, padding and all, must give the same digest. */
static void sha256_forms_agree(void **state) {
    (void)state;
    unsigned char text[64 * 40] = {0};
    for (size_t i = 0; i < sizeof(text); i++) text[i] = (unsigned char)(i * i >> 3 ^ i * 37);
    for (size_t bytes = 0; bytes < sizeof(text) - 72; bytes += 61) {
        uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
        unsigned char padded[sizeof(text)] = {0};
        char sum[65], plain[65];
        const size_t blocks = (bytes + 9 + 63) / 64;
        ovp_io_sha256(text, bytes, sum);
        memcpy(padded, text, bytes);
        padded[bytes] = 0x80;
        for (size_t i = 0; i < 8; i++) padded[64 * blocks - 1 - i] = (unsigned char)((uint64_t)bytes * 8 >> (8 * i));
        ovp_io_sha256_blocks_plain(h, padded, blocks);
        for (int i = 0; i < 8; i++) (void)snprintf(plain + 8 * i, 9, "%08x", h[i]);
        assert_string_equal(sum, plain);
    }
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void read_whole(void **state) {
    fixture *f = *state;
    char *data;
    size_t bytes;
    const char *path = scratch(f, "a");
    put_file(path, "ab\0c", 4);
    assert_ok(f, ovp_io_read_file(&data, &bytes, f->ctx, path, 4, 0));
    assert_int_equal(bytes, 4);
    assert_memory_equal(data, "ab\0c", 5);
    ovp_free(f->ctx, data);
    assert_failed(f, ovp_io_read_file(&data, &bytes, f->ctx, path, 3, 0), OVP_ELIMIT, "limit of 3 bytes");
    put_file(path, "", 0);
    assert_ok(f, ovp_io_read_file(&data, &bytes, f->ctx, path, 0, 1));
    assert_int_equal(bytes, 0);
    assert_int_equal(data[0], 0);
    ovp_free(f->ctx, data);
}

static void read_errors(void **state) {
    fixture *f = *state;
    char *data;
    size_t bytes;
    put_file(scratch(f, "a"), "x", 1);
    assert_failed(f, ovp_io_read_file(&data, &bytes, f->ctx, scratch(f, "none"), 9, 0), OVP_ENOTFOUND, "none: cannot");
    assert_failed(f, ovp_io_read_file(&data, &bytes, f->ctx, scratch(f, "a/b"), 9, 0), OVP_ENOTFOUND, "a/b");
    assert_failed(f, ovp_io_read_file(&data, &bytes, f->ctx, f->folder, 9, 0), OVP_EFORMAT, "is a folder");
    assert_failed(f, ovp_io_read_file(&data, &bytes, f->ctx, "/dev/zero", 1 << 20, 0), OVP_ELIMIT, "/dev/zero");
    assert_failed(f, ovp_io_read_file(&data, &bytes, f->ctx, "/proc/self/mem", 1 << 20, 0), OVP_EIO, "/proc/self/mem");
    /* A file of /proc has size 0 and content all the same. */
    assert_ok(f, ovp_io_read_file(&data, &bytes, f->ctx, "/proc/self/status", 1 << 20, 0));
    assert_true(bytes > 100);
    ovp_free(f->ctx, data);
    f->countdown = 0;
    assert_failed(f, ovp_io_read_file(&data, &bytes, f->ctx, scratch(f, "a"), 9, 0), OVP_ENOMEM, "");
    f->countdown = -1;
}

/* ---- gzip ---------------------------------------------------------------------------------------- */

static size_t pack(unsigned char *to, size_t room, const void *from, size_t bytes) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)from;
    z.avail_in = (unsigned)bytes;
    z.next_out = to;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void gzip_unpacks(void **state) {
    fixture *f = *state;
    static unsigned char packed[100000];
    char *text = malloc(300000), *data;
    size_t bytes;
    for (int i = 0; i < 300000; i++) text[i] = (char)((int64_t)i * i % 251);
    size_t n = pack(packed, sizeof(packed), text, 300000);
    const char *path = scratch(f, "a.gz");
    put_file(path, packed, n);
    assert_ok(f, ovp_io_read_file(&data, &bytes, f->ctx, path, 300000, 1));
    assert_int_equal(bytes, 300000);
    assert_memory_equal(data, text, 300000);
    assert_int_equal(data[bytes], 0);
    ovp_free(f->ctx, data);
    /* Without gunzip the packed bytes come back. */
    assert_ok(f, ovp_io_read_file(&data, &bytes, f->ctx, path, 300000, 0));
    assert_int_equal(bytes, n);
    ovp_free(f->ctx, data);
    /* Members one after another are one file; zeros may follow. */
    size_t two = n + pack(packed + n, sizeof(packed) - n, "tail", 4);
    memset(packed + two, 0, 7);
    assert_ok(f, ovp_io_gunzip(&data, &bytes, f->ctx, "two", packed, two + 7, 1 << 20));
    assert_int_equal(bytes, 300004);
    assert_memory_equal(data + 300000, "tail", 5);
    ovp_free(f->ctx, data);
    assert_failed(f, ovp_io_gunzip(&data, &bytes, f->ctx, "two", packed, two, 300003), OVP_ELIMIT, "300003");
    free(text);
}

static void gzip_damaged(void **state) {
    fixture *f = *state;
    unsigned char packed[200];
    char *data;
    size_t bytes, n = pack(packed, sizeof(packed), "some text, some text, some more text", 36);
    for (size_t cut = 2; cut < n; cut++)
        assert_failed(f, ovp_io_gunzip(&data, &bytes, f->ctx, "cut", packed, cut, 1000), OVP_EFORMAT, "cut: ");
    packed[n] = 'x';
    assert_failed(f, ovp_io_gunzip(&data, &bytes, f->ctx, "x", packed, n + 1, 1000), OVP_EFORMAT, "do not belong");
    packed[n - 6] ^= 1;
    assert_failed(f, ovp_io_gunzip(&data, &bytes, f->ctx, "crc", packed, n, 1000), OVP_EFORMAT, "incorrect data check");
    assert_failed(f, ovp_io_gunzip(&data, &bytes, f->ctx, "no", "plain text, nothing packed", 26, 99), OVP_EFORMAT,
                  "not a gzip file");
    assert_failed(f, ovp_io_gunzip(&data, &bytes, f->ctx, "no", NULL, 0, 99), OVP_EFORMAT, "not a gzip file");
}

static void gzip_bomb(void **state) {
    fixture *f = *state;
    size_t room = 1 << 20, big = 100 << 20;
    unsigned char *packed = malloc(room);
    char *zeros = calloc(1, big), *data;
    size_t bytes, n = pack(packed, room, zeros, big);
    const char *path = scratch(f, "bomb.gz");
    assert_true(n < 200000);
    put_file(path, packed, n);
    assert_failed(f, ovp_io_read_file(&data, &bytes, f->ctx, path, 1 << 20, 1), OVP_ELIMIT, "1048576");
    /* The size in the trailer may lie in both directions. */
    memset(packed + n - 4, 0, 4);
    assert_failed(f, ovp_io_gunzip(&data, &bytes, f->ctx, "lie", packed, n, 1 << 20), OVP_ELIMIT, "1048576");
    assert_in_range(f->largest, 1 << 20, (1 << 20) + 4096); /* nothing larger was even asked for */
    memset(packed + n - 4, 255, 4);
    assert_failed(f, ovp_io_gunzip(&data, &bytes, f->ctx, "lie", packed, n, 1 << 20), OVP_ELIMIT, "1048576");
    free(packed);
    free(zeros);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void write_replaces(void **state) {
    fixture *f = *state;
    const char *path = scratch(f, "out");
    char *back;
    size_t bytes;
    struct stat about;
    assert_ok(f, ovp_io_write_file(f->ctx, path, "first", 5));
    chmod(path, 0640);
    assert_ok(f, ovp_io_write_file(f->ctx, path, "2nd", 3));
    back = get_file(path, &bytes);
    assert_string_equal(back, "2nd");
    free(back);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0640);
    assert_ok(f, ovp_io_write_file(f->ctx, path, NULL, 0));
    back = get_file(path, &bytes);
    assert_int_equal(bytes, 0);
    free(back);
    assert_int_equal(count_files(f->folder), 1); /* no temporary file stays */
}

static void write_through_link(void **state) {
    fixture *f = *state;
    const char *target = scratch(f, "target"), *link = scratch(f, "link"), *dangling = scratch(f, "dangling");
    struct stat about;
    char *back;
    size_t bytes;
    put_file(target, "old", 3);
    assert_int_equal(symlink("target", link), 0);
    assert_int_equal(symlink("nowhere", dangling), 0);
    assert_ok(f, ovp_io_write_file(f->ctx, link, "new", 3));
    assert_int_equal(lstat(link, &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    back = get_file(target, &bytes);
    assert_string_equal(back, "new");
    free(back);
    assert_failed(f, ovp_io_write_file(f->ctx, dangling, "new", 3), OVP_EIO, "dangling: cannot be written");
}

static void write_long_name(void **state) {
    fixture *f = *state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    assert_ok(f, ovp_io_write_file(f->ctx, scratch(f, name), "x", 1));
    assert_int_equal(count_files(f->folder), 1);
}

static void write_errors(void **state) {
    fixture *f = *state;
    put_file(scratch(f, "file"), "x", 1);
    assert_failed(f, ovp_io_write_file(f->ctx, f->folder, "x", 1), OVP_EIO, "it is a folder");
    assert_failed(f, ovp_io_write_file(f->ctx, "/dev/null", "x", 1), OVP_EIO, "device or pipe");
    assert_failed(f, ovp_io_write_file(f->ctx, scratch(f, "none/a"), "x", 1), OVP_EIO, "No such file or directory");
    assert_failed(f, ovp_io_write_file(f->ctx, scratch(f, "file/a"), "x", 1), OVP_EIO, "Not a directory");
    assert_failed(f, ovp_io_write_file(f->ctx, "/proc/ovp-none", "x", 1), OVP_EIO, "/proc/ovp-none: cannot be written");
    int fd = open("/dev/full", O_WRONLY);
    assert_true(fd >= 0);
    ovp_io_part part = {"x", 1};
    assert_failed(f, ovp_io_write_fd(f->ctx, fd, "full", &part, 1), OVP_EIO, "No space left on device; free some");
    close(fd);
    for (long n = 0; n < 2; n++) {
        f->countdown = n;
        assert_failed(f, ovp_io_write_file(f->ctx, scratch(f, "file"), "y", 1), OVP_ENOMEM, "");
        f->countdown = -1;
    }
    assert_int_equal(count_files(f->folder), 1);
}

/* A disk that fills up half-way, played by the limit on file sizes: the old content stays, nothing else does. */
static void write_stops_half_way(void **state) {
    fixture *f = *state;
    const char *path = scratch(f, "kept");
    struct rlimit before, small;
    size_t bytes;
    put_file(path, "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char *large = calloc(1, 5000);
    ovp_status status = ovp_io_write_file(f->ctx, path, large, 5000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    free(large);
    assert_failed(f, status, OVP_EIO, "File too large");
    char *back = get_file(path, &bytes);
    assert_string_equal(back, "old");
    free(back);
    assert_int_equal(count_files(f->folder), 1);
}

static void make_dirs(void **state) {
    fixture *f = *state;
    struct stat about;
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, "a/b//c/")));
    assert_ok(f, ovp_io_make_dirs(f->ctx, scratch(f, "a/b/c")));
    assert_int_equal(stat(scratch(f, "a/b/c"), &about), 0);
    assert_true(S_ISDIR(about.st_mode));
    put_file(scratch(f, "a/file"), "x", 1);
    assert_failed(f, ovp_io_make_dirs(f->ctx, scratch(f, "a/file")), OVP_EIO, "Not a directory");
    assert_failed(f, ovp_io_make_dirs(f->ctx, scratch(f, "a/file/d")), OVP_EIO, "Not a directory");
    assert_failed(f, ovp_io_make_dirs(f->ctx, "/proc/ovp/none"), OVP_EIO, "/proc/ovp");
    assert_failed(f, ovp_io_make_dirs(f->ctx, ""), OVP_EIO, "empty");
    f->countdown = 0;
    assert_failed(f, ovp_io_make_dirs(f->ctx, "/"), OVP_ENOMEM, "");
    f->countdown = -1;
    assert_ok(f, ovp_io_make_dirs(f->ctx, "/"));
}

static void shown_bytes(void **state) {
    (void)state;
    char longer[100];
    memset(longer, 'x', sizeof(longer));
    assert_string_equal(ovp_io_show("a\nb\x80", 4).text, "a?b?");
    assert_int_equal(strlen(ovp_io_show(longer, 100).text), 63);
    assert_string_equal(ovp_io_show(longer, 100).text + 60, "x..");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),
        cmocka_unit_test(sha256_forms_agree),
        cmocka_unit_test(shown_bytes),
        CASE(read_whole),
        CASE(read_errors),
        CASE(gzip_unpacks),
        CASE(gzip_damaged),
        CASE(gzip_bomb),
        CASE(write_replaces),
        CASE(write_through_link),
        CASE(write_long_name),
        CASE(write_errors),
        CASE(write_stops_half_way),
        CASE(make_dirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
