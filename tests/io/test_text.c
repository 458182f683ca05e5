#include "io/helper.h"

#include <jansson.h>
#include <locale.h>
#include <math.h>

#include "io/io_int.h"

/* ---- csv ----------------------------------------------------------------------------------------- */

static ovp_status csv(fixture *f, ovp_io_csv *out, const char *text) {
    return ovp_io_csv_parse(out, f->ctx, "t.csv", text, strlen(text));
}

static void csv_tables(void **state) {
    fixture *f = *state;
    static const char *const same[] = {
        "width,note\n10,\"a, \"\"b\"\"\"\n20,\n",
        "width,note\r\n10,\"a, \"\"b\"\"\"\r\n20,\r\n",
        "\xef\xbb\xbfwidth,note\n10,\"a, \"\"b\"\"\"\n20,",
        "\"width\",\"note\"\n\"10\",\"a, \"\"b\"\"\"\n\"20\",\"\"",
    };
    ovp_io_csv t;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_ok(f, csv(f, &t, same[i]));
        assert_int_equal(t.columns, 2);
        assert_int_equal(t.rows, 2);
        assert_string_equal(t.header[0], "width");
        assert_string_equal(t.header[1], "note");
        assert_string_equal(t.cells[0], "10");
        assert_string_equal(t.cells[1], "a, \"b\"");
        assert_string_equal(t.cells[2], "20");
        assert_string_equal(t.cells[3], "");
        ovp_io_csv_free(f->ctx, &t);
    }
    assert_ok(f, csv(f, &t, "a\n\"x\ny\"\n\n"));
    assert_int_equal(t.rows, 2);
    assert_string_equal(t.cells[0], "x\ny");
    assert_string_equal(t.cells[1], ""); /* one column: an empty line is a row with an empty cell */
    ovp_io_csv_free(f->ctx, &t);
    ovp_io_csv_free(f->ctx, &t);
    ovp_io_csv_free(f->ctx, NULL);
    assert_ok(f, csv(f, &t, "a,b"));
    assert_int_equal(t.rows, 0);
    assert_int_equal(t.columns, 2);
    ovp_io_csv_free(f->ctx, &t);
}

static void csv_errors(void **state) {
    fixture *f = *state;
    ovp_io_csv t;
    assert_failed(f, csv(f, &t, ""), OVP_EFORMAT, "t.csv: empty");
    assert_failed(f, csv(f, &t, "\xef\xbb\xbf"), OVP_EFORMAT, "t.csv: empty");
    assert_failed(f, csv(f, &t, "a,b\n1\n"), OVP_EFORMAT, "line 2: 1 cells, the header has 2");
    assert_failed(f, csv(f, &t, "a,b\n1,2\n\n"), OVP_EFORMAT, "line 3: 1 cells");
    assert_failed(f, csv(f, &t, "a,b\n\"1\n2\",2\n1,2,3\n"), OVP_EFORMAT, "line 4, column 3: more cells");
    assert_failed(f, csv(f, &t, "a,b\n1,\"2\n"), OVP_EFORMAT, "line 2, column 2: the quoted cell");
    assert_failed(f, csv(f, &t, "a,b\n1,2\"\n"), OVP_EFORMAT, "line 2, column 2: a quote inside");
    assert_failed(f, csv(f, &t, "a,b\n\"1\"2,\n"), OVP_EFORMAT, "line 2, column 1: ','");
    assert_failed(f, ovp_io_csv_parse(&t, f->ctx, "z", "a\n\0", 3), OVP_EFORMAT, "line 2, column 1: a zero byte");
    assert_failed(f, ovp_io_csv_parse(&t, f->ctx, "z", "a\n\"\0\"", 5), OVP_EFORMAT, "line 2, column 1: a zero byte");
    assert_failed(f, ovp_io_csv_read(&t, f->ctx, scratch(f, "none.csv")), OVP_ENOTFOUND, "none.csv");
    assert_failed(f, ovp_io_csv_read(&t, f->ctx, f->folder), OVP_EFORMAT, "folder");
    f->countdown = 0;
    assert_failed(f, csv(f, &t, "a\n"), OVP_ENOMEM, "");
    f->countdown = -1;
}

static ovp_status numbers(fixture *f, ovp_numeric_array *out, const char *text, int finite) {
    ovp_io_csv t;
    assert_ok(f, csv(f, &t, text));
    ovp_status status = ovp_io_csv_numbers(out, f->ctx, "t.csv", &t, finite);
    ovp_io_csv_free(f->ctx, &t);
    return status;
}

static void csv_numbers(void **state) {
    fixture *f = *state;
    ovp_numeric_array a;
    assert_ok(f, numbers(f, &a, "x,y,z\r\n1, -2.5 ,\"3e-4\"\r\n+.5,1_000,\t7\r\n", 1));
    static const double wanted[] = {1, -2.5, 3e-4, .5, 1000, 7};
    assert_int_equal(a.type, OVP_F64);
    assert_int_equal(a.ndim, 2);
    assert_int_equal(a.shape[0], 2);
    assert_int_equal(a.shape[1], 3);
    for (int k = 0; k < 6; k++) assert_true(((double *)a.data)[k] == wanted[k]);
    ovp_numeric_array_free(f->ctx, &a);
    assert_ok(f, numbers(f, &a, "x,y\nnan,-inf\nInfinity,NaN\n-Inf,1e999\n", 0));
    const double *v = a.data;
    static const int signs[] = {0, -1, 1, 0, -1, 1}; /* 0: not a number */
    for (int k = 0; k < 6; k++) assert_true(signs[k] ? isinf(v[k]) && (v[k] > 0) == (signs[k] > 0) : isnan(v[k]));
    ovp_numeric_array_free(f->ctx, &a);
    assert_ok(f, numbers(f, &a, "x,y\n", 1));
    assert_int_equal(a.shape[0], 0);
    assert_int_equal(a.shape[1], 2);
    ovp_numeric_array_free(f->ctx, &a);

    static const struct {
        const char *text, *message;
    } bad[] = {
        {"x,loss\n1,2\n3,abc\n", "t.csv: line 3, column 2 (loss): 'abc' is not a number"},
        {"x,loss\n1,\n", "line 2, column 2 (loss): '' is not a number"},
        {"x\n1 2\n", "line 2, column 1 (x): '1 2' is not a number"},
        {"x\n0x10\n", "line 2, column 1 (x): '0x10' is not a number"},
        {"x\nnane\n", "'nane' is not a number"},
        {"x\n--inf\n", "'--inf' is not a number"},
        {"\"two\nlines\",b\n1,2\n\"3\n\",4\n", "line 4, column 1 (two?lines): '3?' is not a number"},
        {"a,b\n1,2\n\" \n\",4\n", "line 3, column 1 (a)"},
        {"a,b\nnan,2\n", "line 2, column 1 (a): 'nan' is not a finite number"},
        {"a,b\n1,-Inf\n", "line 2, column 2 (b): '-Inf' is not a finite number"},
        {"a,b\n1,1e999\n", "line 2, column 2 (b): '1e999' is not a finite number"},
        {"a\nminus infinity\n", "'minus infinity' is not a number"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_failed(f, numbers(f, &a, bad[i].text, 1), OVP_EFORMAT, bad[i].message);
        assert_null(a.data);
    }
}

/* What add_cell writes, parse reads. */
/* Chosen columns may hold words elsewhere; positions in messages are the table's own, line breaks in cells counted. */
static void csv_columns(void **state) {
    fixture *f = *state;
    static const ovp_idx some[] = {2, 0}, words[] = {0, 1};
    ovp_numeric_array a;
    ovp_io_csv t;
    assert_ok(f, csv(f, &t, "x,word,z\n1,one,2\n3,\"two\nlines\",4\n5,six,7\n"));
    assert_ok(f, ovp_io_csv_columns(&a, f->ctx, "t.csv", &t, 2, some, 1));
    static const double wanted[] = {2, 1, 4, 3, 7, 5};
    assert_int_equal(a.shape[0], 3);
    assert_int_equal(a.shape[1], 2);
    for (int k = 0; k < 6; k++) assert_true(((double *)a.data)[k] == wanted[k]);
    ovp_numeric_array_free(f->ctx, &a);
    assert_failed(f, ovp_io_csv_columns(&a, f->ctx, "t.csv", &t, 2, words, 1), OVP_EFORMAT,
                  "t.csv: line 2, column 2 (word): 'one' is not a number");
    assert_null(a.data);
    strcpy(t.cells[1], "8");
    strcpy(t.cells[4], "9\n");
    assert_failed(f, ovp_io_csv_columns(&a, f->ctx, "t.csv", &t, 2, words, 1), OVP_EFORMAT, "line 3, column 2 (word)");
    strcpy(t.cells[4], "\n9");
    strcpy(t.cells[6], "q");
    assert_failed(f, ovp_io_csv_columns(&a, f->ctx, "t.csv", &t, 1, words, 1), OVP_EFORMAT,
                  "line 5, column 1 (x): 'q'");
    ovp_io_csv_free(f->ctx, &t);
}

/* A first line of numbers alone is a row; then messages count it and name no heading. */
static void csv_without_heading(void **state) {
    fixture *f = *state;
    static const struct {
        const char *text;
        int bare;
    } tables[] = {{"1,2\n3,4\n", 1}, {" -1e3 ,\"inf\"\n3,4\n", 1}, {"NaN,0\n", 1}, {"1,\n3,4\n", 0}, {"1,y\n3,4\n", 0},
                  {"x,y\n", 0}};
    ovp_numeric_array a;
    ovp_io_csv t;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        assert_ok(f, csv(f, &t, tables[i].text));
        const ovp_idx rows = t.rows;
        assert_int_equal(ovp_io_csv_bare(&t), tables[i].bare);
        assert_int_equal(t.rows, rows + tables[i].bare);
        assert_ptr_equal(t.cells, tables[i].bare ? t.header : t.header + t.columns);
        ovp_io_csv_free(f->ctx, &t);
    }
    assert_ok(f, csv(f, &t, "1,2,3\n4,\"5\n\",6\n7,8,inf\n"));
    assert_int_equal(ovp_io_csv_bare(&t), 1);
    static const ovp_idx outer[] = {2, 0};
    assert_ok(f, ovp_io_csv_columns(&a, f->ctx, "t.csv", &t, 2, outer, 0));
    static const double wanted[] = {3, 1, 6, 4, (double)INFINITY, 7};
    assert_int_equal(a.shape[0], 3);
    for (int k = 0; k < 6; k++) assert_true(((double *)a.data)[k] == wanted[k]);
    ovp_numeric_array_free(f->ctx, &a);
    assert_failed(f, ovp_io_csv_columns(&a, f->ctx, "t.csv", &t, 2, outer, 1), OVP_EFORMAT,
                  "t.csv: line 4, column 3: 'inf' is not a finite number");
    assert_failed(f, ovp_io_csv_numbers(&a, f->ctx, "t.csv", &t, 0), OVP_EFORMAT,
                  "t.csv: line 2, column 2: '5?' is not a number");
    ovp_io_csv_free(f->ctx, &t);
}

static void csv_round_trip(void **state) {
    fixture *f = *state;
    static const char *const cells[] = {"plain", "",       "a,b", "\"", "say \"hi\"", "two\nlines", "\r\n",
                                        " left", "right ", "\t",  "'",  "1e-3",       "\xc3\xa9",   "\"\"\""};
    int n = sizeof(cells) / sizeof(cells[0]);
    ovp_text text = {.ctx = f->ctx};
    ovp_io_csv t;
    for (int row = 0; row < 2; row++) {
        for (int i = 0; i < n; i++) {
            if (i) ovp_text_add(&text, ",");
            ovp_io_csv_add_cell(&text, cells[i]);
        }
        ovp_text_add(&text, "\n");
    }
    assert_non_null(strstr(text.data, "plain,,\"a,b\",\"\"\"\",\"say \"\"hi\"\"\",\"two\nlines\""));
    assert_non_null(strstr(text.data, ",\" left\",\"right \",\"\t\",',1e-3,"));
    put_file(scratch(f, "t.csv"), text.data, text.length);
    assert_ok(f, ovp_io_csv_read(&t, f->ctx, scratch(f, "t.csv")));
    assert_int_equal(t.columns, n);
    assert_int_equal(t.rows, 1);
    for (int i = 0; i < n; i++) {
        assert_string_equal(t.header[i], cells[i]);
        assert_string_equal(t.cells[i], cells[i]);
    }
    ovp_io_csv_free(f->ctx, &t);
    ovp_text_free(&text);
}

/* ---- json ---------------------------------------------------------------------------------------- */

static ovp_status json(fixture *f, json_t **out, const char *text) {
    return ovp_io_json_parse(out, f->ctx, "j.json", text, strlen(text));
}

static void dumps_to(fixture *f, const json_t *value, int indent, const char *wanted) {
    ovp_text text = {.ctx = f->ctx};
    ovp_io_json_dump(&text, value, indent);
    assert_ok(f, ovp_text_status(&text));
    assert_string_equal(text.data, wanted);
    ovp_text_free(&text);
}

static void json_dump(void **state) {
    fixture *f = *state;
    json_t *v;
    assert_ok(f, json(f, &v,
                      "{\"z\":[1,2.5,[],{}],\"a\":{\"t\":true,\"f\":false,\"n\":null},\"s\":\"q\\\"\\\\\\n\\t\\u0001"
                      "\xc3\xa9\"}"));
    dumps_to(
        f, v, 0,
        "{\"z\":[1,2.5,[],{}],\"a\":{\"t\":true,\"f\":false,\"n\":null},\"s\":\"q\\\"\\\\\\n\\t\\u0001\xc3\xa9\"}");
    dumps_to(f, v, 2,
             "{\n  \"z\": [\n    1,\n    2.5,\n    [],\n    {}\n  ],\n  \"a\": {\n    \"t\": true,\n    \"f\": false,\n"
             "    \"n\": null\n  },\n  \"s\": \"q\\\"\\\\\\n\\t\\u0001\xc3\xa9\"\n}");
    json_decref(v);
    v = json_pack("{s:[i,s]}", "row", 3, "x");
    dumps_to(f, v, 2, "{\n  \"row\": [3, \"x\"]\n}");
    json_decref(v);
}

static void json_numbers(void **state) {
    fixture *f = *state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"}, {-2.5, "-2.5"}, {1, "1.0"}, {-0.0, "-0.0"}, {NAN, "null"}, {INFINITY, "null"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *v = ovp_io_json_number(cases[i].value);
        assert_non_null(v);
        dumps_to(f, v, 0, cases[i].text);
        json_decref(v);
    }
    /* Every real comes back as the same real, whatever the locale (where it is installed) thinks of decimal points. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    static const double hard[] = {0.1,
                                  1.0 / 3,
                                  5e-324,
                                  2.2250738585072014e-308,
                                  1.7976931348623157e308,
                                  1e22,
                                  1e23,
                                  123456789012345680.0,
                                  9007199254740993.0,
                                  -0.0};
    for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
        ovp_text text = {.ctx = f->ctx};
        json_t *v = json_real(hard[i]), *back;
        ovp_io_json_dump(&text, v, 0);
        assert_ok(f, ovp_io_json_parse(&back, f->ctx, "n", text.data, text.length));
        assert_true(json_is_real(back));
        double value = json_real_value(back);
        assert_memory_equal(&value, &hard[i], sizeof(value));
        json_decref(v);
        json_decref(back);
        ovp_text_free(&text);
    }
    setlocale(LC_ALL, "C");
}

static void json_errors(void **state) {
    fixture *f = *state;
    json_t *v;
    char deep[200];
    assert_failed(f, json(f, &v, ""), OVP_EFORMAT, "j.json: empty");
    assert_failed(f, json(f, &v, "{\"a\":1,\n \"b\":}"), OVP_EFORMAT, "j.json: line 2, column 6");
    assert_failed(f, json(f, &v, "{\"a\":1,\"a\":2}"), OVP_EFORMAT, "duplicate");
    assert_failed(f, json(f, &v, "[1] x"), OVP_EFORMAT, "line 1");
    assert_failed(f, json(f, &v, "[\x01\n]"), OVP_EFORMAT, "line 1");
    assert_failed(f, json(f, &v, "[1e999]"), OVP_EFORMAT, "overflow");
    assert_failed(f, json(f, &v, "[99999999999999999999]"), OVP_EFORMAT, "too big");
    assert_failed(f, json(f, &v, "[NaN]"), OVP_EFORMAT, "line 1");
    assert_failed(f, json(f, &v, "\"\xff\""), OVP_EFORMAT, "line 1");
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    assert_failed(f, ovp_io_json_parse(&v, f->ctx, "d", deep, 200), OVP_EFORMAT, "nested deeper than 64");
    assert_ok(f, ovp_io_json_parse(&v, f->ctx, "d", deep + 36, 128));
    json_decref(v);
    assert_ok(f,
              json(f, &v, "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\""));
    json_decref(v);
    assert_failed(f, ovp_io_json_read(&v, f->ctx, scratch(f, "none.json")), OVP_ENOTFOUND, "none.json");
    assert_failed(f, ovp_io_json_read(&v, f->ctx, f->folder), OVP_EFORMAT, "folder");
    put_file(scratch(f, "a.json"), "[1]", 3);
    assert_ok(f, ovp_io_json_read(&v, f->ctx, scratch(f, "a.json")));
    json_decref(v);
}

/* ---- yaml ---------------------------------------------------------------------------------------- */

static ovp_status yaml(fixture *f, ovp_io_setting **out, ovp_idx *n, const char *text) {
    return ovp_io_yaml_parse(out, n, f->ctx, "c.yaml", text, strlen(text));
}

static void yaml_settings(void **state) {
    fixture *f = *state;
    ovp_io_setting *s;
    ovp_idx n;
    assert_ok(f, yaml(f, &s, &n,
                      "# comment\nwidths: [10, 1e3, 'x']\nlr: 0.01 # why\nname: \"a: b\"\nlist:\n  - 1\n  - 2\n"
                      "none:\nempty: []\n"));
    static const struct {
        const char *key, *value;
        int line;
    } wanted[] = {{"widths", "10,1e3,x", 2}, {"lr", "0.01", 3}, {"name", "a: b", 4},
                  {"list", "1,2", 5},        {"none", "", 8},   {"empty", "", 9}};
    assert_int_equal(n, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(s[i].key, wanted[i].key);
        assert_string_equal(s[i].value, wanted[i].value);
        assert_int_equal(s[i].line, wanted[i].line);
    }
    ovp_io_settings_free(f->ctx, s, n);
    put_file(scratch(f, "c.json"), "{\"widths\": [10, 20],\n \"lr\": 0.5}", 32);
    assert_ok(f, ovp_io_yaml_read(&s, &n, f->ctx, scratch(f, "c.json")));
    assert_int_equal(n, 2);
    assert_string_equal(s[0].value, "10,20");
    assert_string_equal(s[1].value, "0.5");
    assert_int_equal(s[1].line, 2);
    ovp_io_settings_free(f->ctx, s, n);
    static const char *const nothing[] = {"", "# only a comment\n", "---\n", "{}", "--- {}\n...\n"};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        n = 7;
        assert_ok(f, yaml(f, &s, &n, nothing[i]));
        assert_int_equal(n, 0);
        assert_non_null(s);
        ovp_io_settings_free(f->ctx, s, n);
    }
    ovp_io_settings_free(f->ctx, NULL, 0);
    /* More than one block of settings. */
    ovp_text text = {.ctx = f->ctx};
    for (int i = 0; i < 100; i++) ovp_text_add(&text, "key%d: %d\n", i, i);
    assert_ok(f, yaml(f, &s, &n, text.data));
    assert_int_equal(n, 100);
    assert_string_equal(s[99].value, "99");
    ovp_io_settings_free(f->ctx, s, n);
    for (int i = 100; i <= OVP_IO_MAX_SETTINGS; i++) ovp_text_add(&text, "key%d: %d\n", i, i);
    assert_failed(f, yaml(f, &s, &n, text.data), OVP_ECONFIG, "line 4097: more than 4096 settings");
    ovp_text_free(&text);
}

static void yaml_errors(void **state) {
    fixture *f = *state;
    ovp_io_setting *s;
    ovp_idx n;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"a: 1\na: 2\n", "line 2: key 'a' stands in line 1 already"},
        {"a: &x 1\n", "line 1: anchors"},
        {"a: 1\nb: *x\n", "line 2: aliases"},
        {"a: !!python/object:os.system 1\n", "line 1: tags"},
        {"a: !x 1\n", "line 1: tags"},
        {"&m {a: 1}\n", "line 1: anchors and tags"},
        {"!!map {a: 1}\n", "line 1: anchors and tags"},
        {"a: &l [1]\n", "line 1: anchors and tags"},
        {"a:\n  b: 1\n", "line 2: nested"},
        {"a: [[1]]\n", "line 1: nested"},
        {"a: [{b: 1}]\n", "line 1: nested"},
        {"a: [1, *x]\n", "line 1: aliases"},
        {"? [a]\n: 1\n", "line 1: nested"},
        {"\"\": 1\n", "line 1: an empty key"},
        {"a: ['1,2']\n", "line 1: a list item with a comma"},
        {"a: \"x\\0y\"\n", "line 1: a zero byte"},
        {"- a\n- b\n", "line 1: lines `key: value`"},
        {"just text\n", "line 1: lines `key: value`"},
        {"a: 1\n---\nb: 2\n", "second document"},
        {"a: 1\n  b: 2\n", "line 2, column 4"},
        {"a: [1, 2\n", "line 2"},
        {"a: \"x\n", "line 2"},
        {"\tb: 1\n", "line 1, column 1"},
        {"a: \x01\n", "byte 3: control characters"},
        {"a: \xff\n", "byte 3: invalid leading UTF-8"},
        {"%YAML 9.9\n---\na: 1\n", "line 1"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_failed(f, yaml(f, &s, &n, bad[i].text), OVP_ECONFIG, bad[i].message);
        assert_null(s);
    }
    char *large = malloc((1 << 20) + 1);
    memset(large, '#', (1 << 20) + 1);
    assert_failed(f, ovp_io_yaml_parse(&s, &n, f->ctx, "big", large, (1 << 20) + 1), OVP_ELIMIT, "1048576");
    put_file(scratch(f, "big"), large, (1 << 20) + 1);
    assert_failed(f, ovp_io_yaml_read(&s, &n, f->ctx, scratch(f, "big")), OVP_ELIMIT, "1048576");
    free(large);
    assert_failed(f, ovp_io_yaml_read(&s, &n, f->ctx, scratch(f, "none")), OVP_ENOTFOUND, "none");
    for (f->countdown = 0; f->refused < 100; f->countdown = f->refused) {
        ovp_status status = yaml(f, &s, &n, "a: 1\nb: [2, 3]\n");
        if (status == OVP_OK) break;
        assert_failed(f, status, OVP_ENOMEM, "");
    }
    f->countdown = -1;
    assert_in_range(f->refused, 5, 99);
    ovp_io_settings_free(f->ctx, s, n);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(csv_tables),          CASE(csv_errors),     CASE(csv_numbers), CASE(csv_columns),
        CASE(csv_without_heading), CASE(csv_round_trip), CASE(json_dump),   CASE(json_numbers),
        CASE(json_errors),         CASE(yaml_settings),  CASE(yaml_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
