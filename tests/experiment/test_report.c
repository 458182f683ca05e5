/* report.html: everything escaped, nothing from outside, every part there, partial results bearable. */
#include "folder.h"

#include "experiment/report_int.h"

#include <math.h>

/* A value that tries to leave every context it may be put in. */
#define EVIL "<script>alert('x')</script>\"'><img src=x onerror=y> &amp; </style></pre>"

static json_t *parse(const char *text) {
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (!value) fail_msg("test JSON: line %d: %s", error.line, error.text);
    return value;
}

static json_t *sample_result(void) {
    json_t *result = parse(
        "{\"schema\":1,\"experiment\":\"lazy-width\",\"version\":\"0.1.0\",\"status\":\"complete\",\"run_dir\":\"\","
        "\"params\":{\"widths\":\"10,100\",\"lr\":0.01,\"epochs\":500,\"ntk\":false,\"name\":\"it's\",\"list\":[1,2.5],"
        "\"empty\":\"\",\"none\":null},\"environment\":{\"isa\":\"v4\",\"threads\":2},"
        "\"tables\":{\"widths\":{\"columns\":[\"width\",\"change\",\"note\"],\"units\":[\"\",\"nat\",\"\"],"
        "\"rows\":[[10,0.41282473981877554,\"a\"],[100000,0.0015169701612683072,null]]},"
        "\"timings\":{\"columns\":[\"width\",\"seconds\"],\"units\":[\"\",\"s\"],\"rows\":[[10,0.5]]}},"
        "\"verdicts\":[{\"claim\":\"falls\",\"measured\":-0.561,\"interval\":[-0.61,-0.512],\"predicted\":-0.5,"
        "\"holds\":\"no\",\"how\":\"slope\"},{\"claim\":\"c2\",\"measured\":null,\"interval\":null,\"predicted\":null,"
        "\"holds\":\"unclear\",\"how\":\"few seeds\"},{\"claim\":\"c3\",\"measured\":1,\"interval\":null,"
        "\"predicted\":1,\"holds\":\"yes\",\"how\":\"\"}],\"warnings\":[\"mind the gap\"],\"seconds\":12.345678}");
    return result;
}

static json_t *sample_info(void) {
    return parse(
        "{\"id\":\"lazy-width\",\"title\":\"Wide nets\",\"claim\":\"The claim.\",\"formula\":\"a < b\","
        "\"source\":\"Paper 2018\",\"about\":\"First.\\n\\nSecond.\",\"params\":[{\"key\":\"lr\",\"type\":\"real\","
        "\"default\":\"1e-2\",\"unit\":\"1/s\",\"help\":\"The rate.\"},{\"key\":\"epochs\",\"default\":\"100\","
        "\"unit\":\"\",\"help\":\"Steps.\"}],\"tables\":[{\"name\":\"widths\",\"help\":\"One row a width.\","
        "\"columns\":[{\"name\":\"change\",\"help\":\"Relative.\"}]}],"
        "\"questions\":[{\"question\":\"Why?\",\"answer\":\"Because.\"}]}");
}

static char *report(ovp_ctx *ctx, const json_t *result, const json_t *info, const json_t *figures, const char *dir) {
    ovp_text html = {.ctx = ctx};
    assert_ok(ctx, ovp_experiment_report(&html, ctx, result, info, figures, dir));
    char *copy = strdup(html.data);
    ovp_text_free(&html);
    return copy;
}

static void contains(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("not in the report: %s", part);
}

/* The page's own script and no other. */
static void one_script(const char *text) {
    const char *first = strstr(text, "<script>");
    assert_non_null(first);
    assert_null(strstr(first + 1, "<script"));
}

static void lacks(const char *text, const char *part) {
    if (strstr(text, part)) fail_msg("in the report: %s", part);
}

static void every_part(void **state) {
    ovp_ctx *ctx = *state;
    put(in_folder("plot.svg"), "<svg/>");
    put(in_folder("arrays.npz"), "x");
    json_t *result = sample_result(), *info = sample_info();
    json_object_set_new(result, "run_dir", json_string(folder));
    json_t *figures = parse("[{\"name\":\"plot\",\"title\":\"A plot\",\"caption\":\"Look.\"},{\"name\":\"gone\","
                            "\"title\":\"\",\"caption\":\"\"},{\"name\":\"../evil\"}]");
    char *html = report(ctx, result, info, figures, folder);
    static const char *const parts[] = {
        "<!DOCTYPE html>",
        "name=\"viewport\"",
        "prefers-color-scheme:dark",
        "@media print",
        "<h1>Wide nets</h1>",
        "The claim.",
        "a &lt; b",
        "Paper 2018",
        "<p>First.</p>\n<p>Second.</p>",
        "<summary>Why?</summary><p>Because.</p>",
        "mind the gap",
        "✗ does not hold",
        "? unclear",
        "✓ holds",
        "<span title=\"-0.561\">−0.561</span>",
        "[<span title=\"-0.61\">−0.61</span>, <span title=\"-0.512\">−0.512</span>]",
        "<span title=\"0.41282473981877554\">0.4128</span>",
        "<span title=\"0.0015169701612683072\">0.001517</span>",
        "<td class=\"num\">100000</td>",
        "<span class=\"unit\">nat</span>",
        "title=\"Relative.\"",
        "One row a width.",
        "href=\"tables/widths.csv\"",
        "href=\"tables/timings.csv\"",
        "href=\"arrays.npz\"",
        "data:image/svg+xml;base64,PHN2Zy8+\"", /* printf '<svg/>' | base64 */
        "alt=\"A plot\"",
        "Look.",
        "gnuplot gone.gp",
        "href=\"figures/plot.png\"",
        "The rate.",
        "overparam run lazy-width \\\n  --widths=10,100 \\\n  --lr=0.01 \\\n  --epochs=500 \\\n  --ntk=no \\\n  "
        "--name=&#39;it&#39;\\&#39;&#39;s&#39; \\\n  --list=1,2.5</pre>",
        "no (100)", /* epochs differs from its default, lr (1e-2 = 0.01) does not */
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) contains(html, parts[i]);
    static const char *const never[] = {"no (1e-2)",       "evil",          "http://",
                                        "https://",        "<script>alert", "src=\"figures",
                                        "role=\"status\"", "weights.npz",   "href=\"figures/gone.png\""};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) lacks(html, never[i]);
    one_script(html);
    contains(html, "default-src 'none'");
    contains(html, "script-src 'sha256-");
    contains(html, "<table class=\"sort\">");
    /* Result tables first, times after the parameters. */
    assert_true(strstr(html, "id=\"table-widths\"") < strstr(html, "id=\"parameters\""));
    assert_true(strstr(html, "id=\"table-timings\"") > strstr(html, "id=\"parameters\""));
    free(html);
    json_decref(result);
    json_decref(info);
    json_decref(figures);
}

/* Puts EVIL in the place of every string, and of every key of an object with free keys. */
static json_t *poison(const json_t *value, const char *key) {
    static const char *const fixed[] = {"status", "name", "holds", "run_dir"};
    if (json_is_string(value)) {
        for (size_t i = 0; key && i < sizeof(fixed) / sizeof(fixed[0]); i++)
            if (strcmp(key, fixed[i]) == 0) return json_incref((json_t *)(uintptr_t)value);
        return json_string(EVIL);
    }
    if (json_is_array(value)) {
        json_t *copy = json_array(), *item;
        size_t i;
        json_array_foreach(value, i, item) json_array_append_new(copy, poison(item, NULL));
        return copy;
    }
    if (json_is_object(value)) {
        json_t *copy = json_object(), *item, *source = json_copy((json_t *)(uintptr_t)value);
        const char *inner;
        json_object_foreach(source, inner, item) {
            int open =
                key && (strcmp(key, "params") == 0 || strcmp(key, "environment") == 0 || strcmp(key, "tables") == 0);
            json_object_set_new(copy, open ? EVIL : inner, poison(item, inner));
        }
        json_decref(source);
        return copy;
    }
    return json_deep_copy(value);
}

static void everything_is_escaped(void **state) {
    ovp_ctx *ctx = *state;
    json_t *result = sample_result(), *info = sample_info(), *bad_result = poison(result, NULL),
           *bad_info = poison(info, NULL), *figures = parse("[{\"name\":\"plot\"}]"),
           *figure = json_array_get(figures, 0);
    put(in_folder("plot.svg"), "<svg><script>1</script></svg>");
    json_object_set_new(figure, "title", json_string(EVIL));
    json_object_set_new(figure, "caption", json_string(EVIL));
    char *html = report(ctx, bad_result, bad_info, figures, folder);
    one_script(html);
    lacks(html, "<img src=x");
    lacks(html, "onerror=y>");
    contains(html, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&#39;&gt;");
    int styles = 0;
    for (const char *p = html; (p = strstr(p, "</style>")) != NULL; p++) styles++;
    assert_int_equal(styles, 1);
    free(html);
    json_decref(result);
    json_decref(info);
    json_decref(bad_result);
    json_decref(bad_info);
    json_decref(figures);
}

/* The program refuses --seed beside --seeds. */
static void command_names_seeds_once(void **state) {
    ovp_ctx *ctx = *state;
    json_t *both = parse("{\"experiment\":\"x\",\"params\":{\"seed\":42,\"seeds\":[1,2]}}"),
           *one = parse("{\"experiment\":\"x\",\"params\":{\"seed\":42,\"seeds\":null}}"), *empty = json_object();
    char *html = report(ctx, both, empty, NULL, NULL);
    contains(html, "overparam run x \\\n  --seeds=1,2</pre>");
    free(html);
    html = report(ctx, one, empty, NULL, NULL);
    contains(html, "overparam run x \\\n  --seed=42</pre>");
    free(html);
    json_decref(both);
    json_decref(one);
    json_decref(empty);
}

static void banners(void **state) {
    ovp_ctx *ctx = *state;
    json_t *result = sample_result(), *info = sample_info();
    static const char *const states[][2] = {
        {"interrupted", "was interrupted."}, {"failed", "failed.</strong>"}, {"running", "is not complete: running"}};
    for (int i = 0; i < 3; i++) {
        json_object_set_new(result, "status", json_string(states[i][0]));
        json_object_set_new(result, "error", json_string("disk <full>"));
        char *html = report(ctx, result, info, NULL, NULL);
        contains(html, states[i][1]);
        contains(html, "disk &lt;full&gt;");
        contains(html, "role=\"status\"");
        free(html);
    }
    json_decref(result);
    json_decref(info);
}

/* A run that failed early hands in little. */
static void partial_results(void **state) {
    ovp_ctx *ctx = *state;
    json_t *empty = json_object(), *odd = parse("{\"experiment\":\"x\",\"status\":\"failed\",\"tables\":{\"t\":{}},"
                                                "\"verdicts\":[{}],\"warnings\":[1],\"params\":{},\"environment\":[]}");
    char *html = report(ctx, empty, empty, NULL, NULL);
    contains(html, "</html>");
    free(html);
    html = report(ctx, odd, empty, empty, "/nonexistent");
    contains(html, "no rows");
    contains(html, "? unclear");
    free(html);
    json_decref(empty);
    json_decref(odd);
}

static void long_tables_are_cut(void **state) {
    ovp_ctx *ctx = *state;
    json_t *result = sample_result(), *info = sample_info();
    json_t *rows = json_object_get(json_object_get(json_object_get(result, "tables"), "widths"), "rows");
    for (int i = 0; i < 1000; i++) json_array_append_new(rows, json_pack("[i, f, s]", i, i * 1.5, "x"));
    char *html = report(ctx, result, info, NULL, NULL);
    contains(html, "400 of 1002 rows shown");
    contains(html, "class=\"scroll tall\"");
    assert_true(strlen(html) < 200000);
    free(html);
    json_decref(result);
    json_decref(info);
}

static void unreadable_figure(void **state) {
    ovp_ctx *ctx = *state;
    json_t *result = sample_result(), *info = sample_info(), *figures = parse("[{\"name\":\"plot\"}]");
    mkdir(in_folder("plot.svg"), 0777); /* a folder of that name counts as not drawn */
    char *html = report(ctx, result, info, figures, folder);
    contains(html, "gnuplot plot.gp");
    free(html);
    rmdir(in_folder("plot.svg"));
    mkdir(in_folder("figures"), 0777);
    put(in_folder("figures/plot.svg"), "<svg/>"); /* the run folder is taken as well as its figures/ */
    html = report(ctx, result, info, figures, folder);
    contains(html, "base64,PHN2Zy8+");
    free(html);
    json_decref(result);
    json_decref(info);
    json_decref(figures);
}

/* RFC 4648 section 10: test vectors. */
static void base64(void **state) {
    ovp_ctx *ctx = *state;
    static const char *const vectors[][2] = {{"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    json_t *figures = parse("[{\"name\":\"plot\"}]"), *empty = json_object();
    for (int i = 0; i < 6; i++) {
        char expected[64];
        put(in_folder("plot.svg"), vectors[i][0]);
        char *html = report(ctx, empty, empty, figures, folder);
        snprintf(expected, sizeof(expected), "base64,%s\"", vectors[i][1]);
        contains(html, expected);
        free(html);
    }
    char *big = malloc(30001); /* more than the encoder's buffer, no letter lost */
    memset(big, 'a', 30000);
    big[30000] = 0;
    put(in_folder("plot.svg"), big);
    char *html = report(ctx, empty, empty, figures, folder);
    const char *data = strstr(html, "base64,") + 7;
    assert_int_equal(strcspn(data, "\""), 40000);
    for (int i = 0; i < 40000; i += 4) assert_memory_equal(data + i, "YWFh", 4);
    free(html);
    free(big);
    json_decref(figures);
    json_decref(empty);
}

static void rounding(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *shown;
    } cases[] = {{0, "0"},
                 {-0., "0"},
                 {1, "1"},
                 {-1, "−1"},
                 {.1, "0.1"},
                 {.1 + .2, "0.3"},
                 {.41282473981877554, "0.4128"},
                 {6.648951966781169e-05, "6.649e-5"},
                 {.00999996, "0.01"},
                 {.99999, "1"},
                 {9999.6, "10000"},
                 {12345.678, "12346"},
                 {123456.78, "123457"},
                 {999999., "999999"},
                 {999999.9, "1e6"},
                 {99999.9, "100000"},
                 {1234567, "1.235e6"},
                 {1e6, "1e6"},
                 {1e22, "1e22"},
                 {-1.5e-300, "−1.5e-300"},
                 {5e-324, "4.941e-324"},
                 {1.7976931348623157e308, "1.798e308"},
                 {INFINITY, "inf"},
                 {NAN, "nan"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buffer[40];
        report_round(buffer, cases[i].value);
        assert_string_equal(buffer, cases[i].shown);
    }
}

/* Every allocation in turn fails once: no report rather than a damaged one. */
static void out_of_memory(void **state) {
    ovp_ctx *ctx = *state;
    json_t *result = sample_result(), *info = sample_info(), *figures = parse("[{\"name\":\"plot\"}]");
    put(in_folder("plot.svg"), "<svg/>");
    int n = 0;
    for (; n < 1000; n++) {
        countdown left = {-1};
        const ovp_allocator hook = {countdown_alloc, countdown_release, &left};
        const ovp_ctx_options options = {.size = sizeof(options), .threads = 1, .allocator = &hook};
        ovp_ctx *poor;
        ovp_text html = {0};
        assert_ok(ctx, ovp_ctx_create(&poor, &options));
        left.left = n;
        ovp_status status = ovp_experiment_report(&html, poor, result, info, figures, folder);
        int reached = left.left < 0;
        left.left = -1;
        ovp_text_free(&html);
        ovp_ctx_free(poor);
        assert_int_equal(status, reached ? OVP_ENOMEM : OVP_OK);
        if (!reached) break;
    }
    assert_true(n > 10 && n < 1000);
    json_decref(result);
    json_decref(info);
    json_decref(figures);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(every_part),
        FOLDER_TEST(everything_is_escaped),
        FOLDER_TEST(command_names_seeds_once),
        FOLDER_TEST(banners),
        FOLDER_TEST(partial_results),
        FOLDER_TEST(long_tables_are_cut),
        FOLDER_TEST(unreadable_figure),
        FOLDER_TEST(base64),
        cmocka_unit_test(rounding),
        FOLDER_TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
