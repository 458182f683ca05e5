/* The index of the run folders: a SQLite file beside them that answers `runs list` without opening every manifest. It
 * is a cache and nothing else: brought up to date with the folders before every answer, thrown away when it is damaged
 * or of another schema, and done without when it cannot be written, is locked, or SQLite was left out of the build. */
#include "store/store_int.h"

#ifdef OVP_HAVE_SQLITE

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INDEX_FILE ".index.sqlite"
/* PRAGMA application_id and user_version; another version of the tables takes the next number. */
#define INDEX_APPLICATION 0x6f767031 /* "ovp1" */
#define INDEX_SCHEMA 1
/* Another overparam may be bringing it up to date: worth this much waiting, then the folders are read instead. */
#define INDEX_PATIENCE_MS 200
/* Not among SQLite's own codes. */
#define INDEX_FOREIGN (-1)

/* What changes the index; each is prepared once. */
enum { FORGET_RUN, FORGET_PARAMS, LEARN_RUN, LEARN_PARAM, CHANGES };
static const char *const changes[CHANGES] = {"DELETE FROM runs WHERE path=?", "DELETE FROM params WHERE path=?",
                                             "INSERT INTO runs VALUES(?,?,?,?,?,?)",
                                             "INSERT INTO params VALUES(?,?,?)"};

typedef struct run_index {
    sqlite3 *db;
    sqlite3_stmt *change[CHANGES];
    int root;
    const store_filter *filter;
    ovp_status failed; /* OVP_ENOMEM of ours */
    int writing;       /* a transaction is open */
} run_index;

const char *ovp_store_index_version(void) {
    return "SQLite " SQLITE_VERSION;
}

/* The only value of a statement, `fallback` if there is none. */
static int read_number(sqlite3 *db, const char *sql, int fallback) {
    sqlite3_stmt *statement = NULL;
    int value = fallback;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return value;
}

static int create_tables(sqlite3 *db) {
    char sql[1024];
    (void)snprintf(sql, sizeof(sql),
                   "BEGIN IMMEDIATE;"
                   "CREATE TABLE IF NOT EXISTS runs(path TEXT PRIMARY KEY, stamp TEXT NOT NULL, experiment TEXT,"
                   " time TEXT, id TEXT, record TEXT) WITHOUT ROWID;"
                   "CREATE TABLE IF NOT EXISTS params(path TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
                   " PRIMARY KEY(path, key)) WITHOUT ROWID;"
                   "CREATE INDEX IF NOT EXISTS by_time ON runs(time);"
                   "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;",
                   INDEX_APPLICATION, INDEX_SCHEMA);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int open_index(run_index *index, const char *path) {
    int rc =
        sqlite3_open_v2(path, &index->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) return rc;
    (void)sqlite3_busy_timeout(index->db, INDEX_PATIENCE_MS);
    /* Reads the first page: here a file that is no database shows. */
    rc = sqlite3_exec(index->db, "PRAGMA synchronous=NORMAL; SELECT count(*) FROM sqlite_master;", NULL, NULL, NULL);
    if (rc != SQLITE_OK) return rc;
    if (read_number(index->db, "SELECT count(*) FROM sqlite_master", 0) == 0) return create_tables(index->db);
    const int ours = read_number(index->db, "PRAGMA application_id", 0) == INDEX_APPLICATION &&
                     read_number(index->db, "PRAGMA user_version", 0) == INDEX_SCHEMA;
    return ours ? SQLITE_OK : INDEX_FOREIGN;
}

/* ---- bringing it up to date ---------------------------------------------------------------------- */

static const char *column_text(sqlite3_stmt *statement, int column) {
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

/* {"path": stamp} of what the index knows. */
static int read_known(run_index *index, json_t *known) {
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(index->db, "SELECT path, stamp FROM runs", -1, &statement, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        rc = json_object_set_new_nocheck(known, column_text(statement, 0), json_string(column_text(statement, 1)))
                 ? SQLITE_CORRUPT /* a stamp that is not even text */
                 : SQLITE_OK;
    (void)sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Makes a change with its texts; NULL stands for null. */
static int execute(run_index *index, int change, const char *const *texts, int count) {
    sqlite3_stmt **statement = &index->change[change];
    int rc = SQLITE_OK;
    if (!index->writing) rc = sqlite3_exec(index->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK) return rc;
    index->writing = 1;
    if (!*statement) rc = sqlite3_prepare_v2(index->db, changes[change], -1, statement, NULL);
    for (int i = 0; rc == SQLITE_OK && i < count; i++)
        rc = sqlite3_bind_text(*statement, i + 1, texts[i], -1, SQLITE_STATIC);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_step(*statement);
    (void)sqlite3_reset(*statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int forget(run_index *index, const char *path) {
    int rc = execute(index, FORGET_RUN, &path, 1);
    return rc == SQLITE_OK ? execute(index, FORGET_PARAMS, &path, 1) : rc;
}

static int learn_params(run_index *index, const char *path, json_t *params) {
    const char *key;
    json_t *value;
    int rc = SQLITE_OK;
    json_object_foreach(params, key, value) {
        ovp_text text = {.ctx = index->filter->ctx};
        store_canonical(&text, value);
        const char *const texts[] = {path, key, text.data ? text.data : ""};
        if (text.failed)
            index->failed = ovp_text_status(&text);
        else
            rc = execute(index, LEARN_PARAM, texts, 3);
        ovp_text_free(&text);
        if (rc != SQLITE_OK || index->failed) break;
    }
    return index->failed ? SQLITE_NOMEM : rc;
}

/* Reads a run's manifest into the index; its row goes last, so that a half-learned run is not known. A folder that
 * turns out to be no run is kept without a record, so that it is not read again. */
static int learn(run_index *index, const char *path, const char *stamp) {
    json_t *record = store_record(index->root, path);
    ovp_text text = {.ctx = index->filter->ctx};
    char time_key[18] = "";
    int rc = forget(index, path);
    if (record) {
        store_time_key(record, time_key);
        ovp_io_json_dump(&text, record, 0);
        if (text.failed) index->failed = ovp_text_status(&text);
    }
    const char *const texts[] = {path,
                                 stamp,
                                 json_string_value(json_object_get(record, "experiment")),
                                 time_key,
                                 json_string_value(json_object_get(record, "id")),
                                 record ? text.data : NULL};
    if (rc == SQLITE_OK)
        rc = index->failed ? SQLITE_NOMEM : learn_params(index, path, json_object_get(record, "params"));
    if (rc == SQLITE_OK) rc = execute(index, LEARN_RUN, texts, 6);
    ovp_text_free(&text);
    json_decref(record);
    return rc;
}

static int refresh(run_index *index, const json_t *candidates) {
    json_t *known = json_object(), *one, *stamp;
    const char *path;
    size_t i;
    int rc = read_known(index, known);
    json_array_foreach(candidates, i, one) {
        if (rc != SQLITE_OK) break;
        path = json_string_value(json_object_get(one, "path"));
        stamp = json_object_get(one, "stamp");
        if (!json_equal(json_object_get(known, path), stamp)) rc = learn(index, path, json_string_value(stamp));
        (void)json_object_del(known, path);
    }
    json_object_foreach(known, path, stamp) {
        if (rc != SQLITE_OK) break;
        rc = forget(index, path);
    }
    json_decref(known);
    /* Out of memory: what was learned is kept. */
    if (index->writing && (rc == SQLITE_OK || index->failed)) {
        int committed = sqlite3_exec(index->db, "COMMIT", NULL, NULL, NULL);
        if (rc == SQLITE_OK) rc = committed;
    }
    return rc;
}

/* ---- answering ----------------------------------------------------------------------------------- */

static int prepare_question(sqlite3_stmt **statement, run_index *index) {
    const store_filter *filter = index->filter;
    ovp_text sql = {.ctx = filter->ctx};
    const char *key;
    json_t *value;
    int rc, at = 3;
    ovp_text_add(&sql, "SELECT path, record FROM runs WHERE record IS NOT NULL AND time>=?1 AND (?2 IS NULL OR "
                       "experiment=?2)");
    for (size_t i = 0; i < json_object_size(filter->where); i++)
        ovp_text_add(&sql, " AND EXISTS(SELECT 1 FROM params p WHERE p.path=runs.path AND p.key=? AND p.value=?)");
    ovp_text_add(&sql, " ORDER BY time DESC, id DESC, path DESC");
    if (sql.failed) {
        index->failed = ovp_text_status(&sql);
        return SQLITE_NOMEM;
    }
    rc = sqlite3_prepare_v2(index->db, sql.data, -1, statement, NULL);
    ovp_text_free(&sql);
    if (rc == SQLITE_OK) rc = sqlite3_bind_text(*statement, 1, filter->since, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK) rc = sqlite3_bind_text(*statement, 2, filter->experiment, -1, SQLITE_STATIC);
    json_object_foreach(filter->where, key, value) {
        if (rc == SQLITE_OK) rc = sqlite3_bind_text(*statement, at++, key, -1, SQLITE_STATIC);
        if (rc == SQLITE_OK) rc = sqlite3_bind_text(*statement, at++, json_string_value(value), -1, SQLITE_STATIC);
    }
    return rc;
}

static int answer(json_t *rows, run_index *index) {
    sqlite3_stmt *statement = NULL;
    ovp_idx listed = 0;
    int rc = prepare_question(&statement, index);
    while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        json_t *record = json_loads(column_text(statement, 1), 0, NULL);
        rc = record ? SQLITE_OK : SQLITE_CORRUPT;
        if (record && (!index->filter->status || strcmp(index->filter->status, store_status(record)) == 0)) listed++;
        if (record &&
            json_array_append_new(rows, json_pack("{s:o, s:o}", "path", json_string_nocheck(column_text(statement, 0)),
                                                  "record", record)) != 0)
            rc = SQLITE_NOMEM;
        if (rc == SQLITE_OK && index->filter->limit > 0 && listed == index->filter->limit) rc = SQLITE_DONE;
        if (rc == SQLITE_DONE) break;
    }
    (void)sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

ovp_status store_index_rows(json_t **rows, int root, const char *root_path, const json_t *candidates,
                            const store_filter *filter) {
    char path[STORE_PATH_MAX];
    *rows = NULL;
    if (snprintf(path, sizeof(path), "%s/" INDEX_FILE, root_path) >= (int)sizeof(path)) return OVP_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        run_index index = {.root = root, .filter = filter};
        json_t *found = json_array();
        int rc = open_index(&index, path);
        if (rc == SQLITE_OK) rc = refresh(&index, candidates);
        if (rc == SQLITE_OK) rc = answer(found, &index);
        for (int i = 0; i < CHANGES; i++) (void)sqlite3_finalize(index.change[i]);
        (void)sqlite3_close(index.db);
        if (rc == SQLITE_OK) *rows = json_incref(found);
        json_decref(found);
        if (index.failed) return index.failed;
        const int primary = rc < 0 ? rc : rc & 0xff;
        if (primary != SQLITE_CORRUPT && primary != SQLITE_NOTADB && primary != SQLITE_ERROR && rc != INDEX_FOREIGN)
            break;
        /* Damaged, foreign, or with tables that do not fit: away with it, and once more. */
        if (unlinkat(root, INDEX_FILE, 0) != 0) break;
        (void)unlinkat(root, INDEX_FILE "-journal", 0);
        (void)unlinkat(root, INDEX_FILE "-wal", 0);
        (void)unlinkat(root, INDEX_FILE "-shm", 0);
    }
    return OVP_OK;
}

#else

const char *ovp_store_index_version(void) {
    return "";
}

ovp_status store_index_rows(json_t **rows, int root, const char *root_path, const json_t *candidates,
                            const store_filter *filter) {
    (void)root, (void)root_path, (void)candidates, (void)filter;
    *rows = NULL;
    return OVP_OK;
}

#endif
