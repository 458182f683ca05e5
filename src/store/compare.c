/* Runs side by side: what was asked for, where, and what came out. */
#include "store/store_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_RUNS 8
#define KEY_BYTES 1024

/* One table of every run. */
typedef struct joined {
    ovp_ctx *ctx;
    const char *name;
    ovp_idx runs;
    ovp_io_csv csv[MOST_RUNS];
    ovp_idx keys;             /* leading columns that name a row; 0: its number does */
    json_t *index[MOST_RUNS]; /* {"key text": row} */
    ovp_idx columns, *at;     /* compared columns; at: columns x runs, where each stands */
    int failed;
} joined;

/* ---- keys ---------------------------------------------------------------------------------------- */

/* Cells of the key columns of a row, or its number, as one text. */
static void key_text(char text[KEY_BYTES], const joined *t, ovp_idx run, ovp_idx row, ovp_idx keys) {
    const ovp_io_csv *csv = &t->csv[run];
    size_t used = 0;
    if (keys == 0) {
        (void)snprintf(text, KEY_BYTES, "%lld", (long long)row + 1);
        return;
    }
    text[0] = 0;
    for (ovp_idx k = 0; k < keys && used < KEY_BYTES; k++) {
        int more = snprintf(text + used, KEY_BYTES - used, "%s\x1f", csv->cells[row * csv->columns + k]);
        used += more > 0 ? (size_t)more : 0;
    }
}

/* Rows of a run by their key texts; NULL if two rows share one. */
static json_t *index_rows(joined *t, ovp_idx run, ovp_idx keys) {
    char key[KEY_BYTES];
    json_t *index = json_object();
    for (ovp_idx r = 0; r < t->csv[run].rows; r++) {
        key_text(key, t, run, r, keys);
        if (json_object_get(index, key)) {
            json_decref(index);
            return NULL;
        }
        t->failed |= json_object_set_new_nocheck(index, key, json_integer(r));
    }
    return index;
}

/* The shortest beginning of the columns, named alike in all runs, that names every row of every run once. */
static void find_keys(joined *t) {
    ovp_idx common = 0, most = t->csv[0].columns;
    for (ovp_idx run = 1; run < t->runs; run++)
        if (t->csv[run].columns < most) most = t->csv[run].columns;
    for (; common < most; common++)
        for (ovp_idx run = 1; run < t->runs; run++)
            if (strcmp(t->csv[0].header[common], t->csv[run].header[common]) != 0) most = common;
    for (ovp_idx keys = 1; keys <= most; keys++) {
        ovp_idx run = 0;
        for (; run < t->runs; run++)
            if (!(t->index[run] = index_rows(t, run, keys))) break;
        t->keys = keys;
        if (run == t->runs) return;
        while (run-- > 0) json_decref(t->index[run]);
    }
    t->keys = 0;
    for (ovp_idx run = 0; run < t->runs; run++) t->index[run] = index_rows(t, run, 0);
}

/* Columns beyond the keys that every run has, by name. */
static ovp_status find_columns(joined *t) {
    ovp_status status = ovp_alloc(t->ctx, &t->at, t->csv[0].columns * t->runs, sizeof(*t->at));
    if (status != OVP_OK) return status;
    for (ovp_idx k = t->keys; k < t->csv[0].columns; k++) {
        ovp_idx *at = t->at + t->columns * t->runs, run = 1;
        at[0] = k;
        for (; run < t->runs; run++) {
            ovp_idx c = 0;
            while (c < t->csv[run].columns && strcmp(t->csv[run].header[c], t->csv[0].header[k]) != 0) c++;
            if (c == t->csv[run].columns) break;
            at[run] = c;
        }
        if (run == t->runs) t->columns++;
    }
    return OVP_OK;
}

/* ---- cells --------------------------------------------------------------------------------------- */

/* An empty cell and a number that is not finite are null. */
static json_t *cell_json(const char *cell) {
    int64_t integer;
    double real;
    if (!cell[0]) return json_null();
    if (!strpbrk(cell, ".eEn") && ovp_parse_int(cell, &integer)) return json_integer(integer);
    if (ovp_parse_real(cell, &real)) return ovp_io_json_number(real);
    json_t *text = json_string(cell);
    return text ? text : json_string("(not UTF-8)");
}

static json_t *difference_json(const char *first, const char *second, int relative) {
    double x, y;
    if (!ovp_parse_real(first, &x) || !ovp_parse_real(second, &y)) return json_null();
    return ovp_io_json_number(relative ? (y - x) / fabs(x) : y - x);
}

static json_t *key_json(joined *t, ovp_idx run, ovp_idx row) {
    json_t *key = json_array();
    for (ovp_idx k = 0; k < t->keys; k++)
        t->failed |= json_array_append_new(key, cell_json(t->csv[run].cells[row * t->csv[run].columns + k]));
    if (t->keys == 0) t->failed |= json_array_append_new(key, json_integer(row + 1));
    return key;
}

/* A row that all runs share; rows: where it stands in each. */
static json_t *row_json(joined *t, const ovp_idx *rows, int *same) {
    json_t *parts[3] = {json_array(), json_array(), json_array()}; /* values, absolute, relative */
    *same = 1;
    for (ovp_idx run = 0; run < t->runs; run++) {
        json_t *of_run[3] = {json_array(), json_array(), json_array()};
        for (ovp_idx k = 0; k < t->columns; k++) {
            const ovp_idx *at = t->at + k * t->runs;
            const char *first = t->csv[0].cells[rows[0] * t->csv[0].columns + at[0]],
                       *cell = t->csv[run].cells[rows[run] * t->csv[run].columns + at[run]];
            if (strcmp(first, cell) != 0) *same = 0;
            t->failed |= json_array_append_new(of_run[0], cell_json(cell));
            if (run == 0) continue;
            t->failed |= json_array_append_new(of_run[1], difference_json(first, cell, 0));
            t->failed |= json_array_append_new(of_run[2], difference_json(first, cell, 1));
        }
        for (int i = 0; i < 3; i++) {
            if (i == 0 || run > 0)
                t->failed |= json_array_append_new(parts[i], of_run[i]);
            else
                json_decref(of_run[i]);
        }
    }
    return json_pack("{s:o, s:b, s:o, s:o, s:o}", "key", key_json(t, 0, rows[0]), "same", *same, "values", parts[0],
                     "absolute", parts[1], "relative", parts[2]);
}

/* Where a run's row stands in all of them; 0 if one has no such row. */
static int find_everywhere(ovp_idx rows[MOST_RUNS], const joined *t, ovp_idx run, ovp_idx row) {
    char key[KEY_BYTES];
    key_text(key, t, run, row, t->keys);
    for (ovp_idx k = 0; k < t->runs; k++) {
        const json_t *found = json_object_get(t->index[k], key);
        if (!found) return 0;
        rows[k] = json_integer_value(found);
    }
    return 1;
}

static json_t *table_json(joined *t) {
    json_t *keys = json_array(), *columns = json_array(), *rows = json_array(), *only = json_array();
    ovp_idx at[MOST_RUNS], equal = 0;
    for (ovp_idx k = 0; k < t->keys; k++) t->failed |= json_array_append_new(keys, json_string(t->csv[0].header[k]));
    if (t->keys == 0) t->failed |= json_array_append_new(keys, json_string("row"));
    for (ovp_idx k = 0; k < t->columns; k++)
        t->failed |= json_array_append_new(columns, json_string(t->csv[0].header[t->at[k * t->runs]]));
    for (ovp_idx run = 0; run < t->runs; run++) {
        json_t *alone = json_array();
        for (ovp_idx r = 0; r < t->csv[run].rows; r++) {
            int same = 0;
            if (!find_everywhere(at, t, run, r))
                t->failed |= json_array_append_new(alone, key_json(t, run, r));
            else if (run == 0)
                t->failed |= json_array_append_new(rows, row_json(t, at, &same));
            equal += same;
        }
        t->failed |= json_array_append_new(only, alone);
    }
    return json_pack("{s:o, s:o, s:o, s:I, s:o}", "keys", keys, "columns", columns, "rows", rows, "equal",
                     (json_int_t)equal, "only", only);
}

/* ---- tables -------------------------------------------------------------------------------------- */

/* Adds the table of that name to `tables` if all runs have it. */
static ovp_status compare_table(json_t *tables, ovp_ctx *ctx, const char *const *dirs, ovp_idx count,
                                const char *name) {
    ovp_status status = OVP_OK;
    joined t = {.ctx = ctx, .name = name, .runs = count};
    char path[2 * STORE_PATH_MAX];
    for (ovp_idx run = 0; run < count; run++) {
        (void)snprintf(path, sizeof(path), "%s/tables/%s.csv", dirs[run], name);
        if (access(path, F_OK) != 0) goto done; /* optional tables */
        OVP_TRY(ovp_io_csv_read(&t.csv[run], ctx, path));
    }
    find_keys(&t);
    OVP_TRY(find_columns(&t));
    t.failed |= json_object_set_new(tables, name, table_json(&t));
    if (t.failed) status = ovp_fail(ctx, OVP_ENOMEM, "comparing tables %s: out of memory", name);
done:
    for (ovp_idx run = 0; run < count; run++) {
        json_decref(t.index[run]);
        ovp_io_csv_free(ctx, &t.csv[run]);
    }
    ovp_free(ctx, t.at);
    return status;
}

static ovp_status compare_tables(json_t *tables, ovp_ctx *ctx, const char *const *dirs, ovp_idx count) {
    ovp_status status = OVP_OK;
    json_t *names = store_table_names(dirs[0]), *name;
    size_t i;
    json_array_foreach(names, i, name) if (strcmp(json_string_value(name), STORE_TIMINGS) != 0)
        OVP_TRY(compare_table(tables, ctx, dirs, count, json_string_value(name)));
done:
    json_decref(names);
    return status;
}

/* ---- verdicts and heads -------------------------------------------------------------------------- */

static json_t *member(json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    return value ? json_incref(value) : json_null();
}

static json_t *find_verdict(const json_t *manifest, const char *claim) {
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(manifest, "verdicts"), i, one) {
        const char *its_claim = json_string_value(json_object_get(one, "claim"));
        if (its_claim && strcmp(its_claim, claim) == 0) return one;
    }
    return NULL;
}

/* Every claim of any run, in order of appearance. */
static json_t *verdicts_json(json_t *const *manifests, ovp_idx count) {
    static const char *const fields[] = {"holds", "measured", "predicted"};
    json_t *out = json_array(), *one;
    size_t i;
    for (ovp_idx run = 0; run < count; run++) json_array_foreach(json_object_get(manifests[run], "verdicts"), i, one) {
            const char *claim = json_string_value(json_object_get(one, "claim"));
            int seen = !claim;
            for (ovp_idx k = 0; k < run && !seen; k++) seen = find_verdict(manifests[k], claim) != NULL;
            if (seen) continue;
            json_t *verdict = json_pack("{s:s}", "claim", claim);
            for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
                json_t *values = json_array();
                for (ovp_idx k = 0; k < count; k++)
                    (void)json_array_append_new(values, member(find_verdict(manifests[k], claim), fields[f]));
                (void)json_object_set_new(verdict, fields[f], values);
            }
            (void)json_array_append_new(out, verdict);
        }
    return out;
}

/* The seeds that ran in the place of `seed` and `seeds`, of which one is but a default. */
static json_t *params_json(json_t *const *manifests, ovp_idx count) {
    json_t *plain[MOST_RUNS] = {0}, *out;
    int failed = 0;
    for (ovp_idx i = 0; i < count; i++) {
        json_t *seeds = json_object_get(manifests[i], "seeds"),
               *params = json_copy(json_object_get(manifests[i], "params"));
        if (seeds && params) {
            (void)json_object_del(params, "seed");
            failed |= json_object_set(params, "seeds", seeds);
        }
        plain[i] = json_pack("{s:o*}", "params", params);
        failed |= !plain[i];
    }
    out = failed ? NULL : store_member_differences(plain, count, "params");
    for (ovp_idx i = 0; i < count; i++) json_decref(plain[i]);
    return out;
}

static json_t *head_json(const char *dir, json_t *manifest) {
    const char *slash = strrchr(dir, '/');
    return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o}", "id", slash ? slash + 1 : dir, "dir", dir, "experiment",
                     member(manifest, "experiment"), "status", store_status(manifest), "version",
                     member(manifest, "version"), "commit", member(manifest, "commit"), "seconds",
                     member(manifest, "seconds"));
}

ovp_status ovp_store_compare(struct json_t **out, ovp_ctx *ctx, const char *const *dirs, ovp_idx count,
                             int params_only) {
    ovp_status status = OVP_OK;
    json_t *manifests[MOST_RUNS] = {0}, *runs = json_array(), *tables = json_object();
    *out = NULL;
    if (count < 2 || count > MOST_RUNS)
        OVP_TRY(ovp_fail(ctx, OVP_EUSAGE, "comparing %lld runs: 2 to %d are allowed", (long long)count, MOST_RUNS));
    for (ovp_idx i = 0; i < count; i++) {
        OVP_TRY(store_manifest_read(&manifests[i], ctx, dirs[i]));
        const json_t *first = json_object_get(manifests[0], "experiment"),
                     *its = json_object_get(manifests[i], "experiment");
        if (!params_only && !json_equal(first, its))
            OVP_TRY(
                ovp_fail(ctx, OVP_EUSAGE,
                         "these are runs of different experiments (%.60s, %.60s), whose tables do not join; compare "
                         "their parameters alone with --params",
                         json_string_value(first) ? json_string_value(first) : "?",
                         json_string_value(its) ? json_string_value(its) : "?"));
        (void)json_array_append_new(runs, head_json(dirs[i], manifests[i]));
    }
    if (!params_only) OVP_TRY(compare_tables(tables, ctx, dirs, count));
    *out = json_pack("{s:O, s:o, s:o}", "runs", runs, "params", params_json(manifests, count), "environment",
                     store_member_differences(manifests, count, "environment"));
    if (*out && !params_only) {
        (void)json_object_set(*out, "tables", tables);
        (void)json_object_set_new(*out, "verdicts", verdicts_json(manifests, count));
    }
    if (!*out) status = ovp_fail(ctx, OVP_ENOMEM, "comparing %lld runs: out of memory", (long long)count);
done:
    for (ovp_idx i = 0; i < MOST_RUNS; i++) json_decref(manifests[i]);
    json_decref(runs);
    json_decref(tables);
    return status;
}
