/* store internals: what a run folder is, and how a process is recognised again. */
#ifndef OVERPARAM_STORE_INT_H
#define OVERPARAM_STORE_INT_H

#include <overparam/store.h>

#include <jansson.h>

/* Value of "program" in a manifest: the mark of our folders. */
#define STORE_PROGRAM "overparam"
#define STORE_MANIFEST "manifest.json"
/* A manifest larger than this is not ours. */
#define STORE_MANIFEST_LIMIT (16 << 20)
#define STORE_PATH_MAX 4096

/* root, or OVERPARAM_RUNS, or "runs". */
const char *store_root(const char *root);

/* {"pid","start","boot","host"} of this process: enough to tell it from a later one with the same pid. New reference,
 * NULL without memory. */
json_t *store_process_self(void);
/* Whether the process a manifest names still runs; also true on another host, where nobody can tell. */
int store_process_alive(const json_t *process);

/* Whether a name looks like a run's: 8 digits '-' 6 digits '-' 8 hex digits. */
int store_is_id(const char *name);

/* ---- records.c ----------------------------------------------------------------------------------- */

/* Every folder below `root` (open; two levels deep) that looks like a run: [{"path","stamp"}], path relative to the
 * root, stamp of the manifest as it lies there. New reference, NULL without memory. */
json_t *store_walk(int root);
/* What a run's manifest says: {"id","experiment","status","started","seconds","process","params"}; status as written,
 * "broken" without a manifest. New reference; NULL: the folder is no run of ours. */
json_t *store_record(int root, const char *path);
/* Digits of the start time, 17 of them, so that "2026-01-02T03:04:05.678Z" and the id "20260102-030405-..." compare. */
void store_time_key(const json_t *record, char key[18]);
/* A record as it is listed: dir, status (as it is now) and bytes added. New reference, NULL without memory. */
json_t *store_entry(int root, const char *root_path, const char *path, const json_t *record);

/* ---- filter.c ------------------------------------------------------------------------------------ */

typedef struct store_filter {
    ovp_ctx *ctx;
    const char *experiment, *status; /* NULL: any */
    char since[18];                  /* as store_time_key; "": any */
    json_t *where;                   /* {"key": canonical text}, NULL: any */
    ovp_idx limit;                   /* 0: all */
} store_filter;
/* Reads the public filter (NULL: everything). Release with store_filter_free, also after a failure. */
ovp_status store_filter_read(store_filter *out, ovp_ctx *ctx, const ovp_store_filter *filter);
void store_filter_free(store_filter *filter);
/* experiment, since and where; status and limit are for whoever lists. */
ovp_status store_filter_matches(int *matches, const store_filter *filter, const json_t *record);
/* Appends the text under which a parameter's value is compared: 1e-3 and 0.001 are one, as are yes and true. */
void store_canonical(ovp_text *out, const json_t *value);

/* ---- index.c ------------------------------------------------------------------------------------- */

/* Brings the index in the root up to date with the candidates of store_walk and answers from it: the matching
 * [{"path","record"}], newest first, into *rows. NULL there if there can be no index (no SQLite, read-only folder,
 * locked): scan then. Errors: OVP_ENOMEM alone. */
ovp_status store_index_rows(json_t **rows, int root, const char *root_path, const json_t *candidates,
                            const store_filter *filter);

/* ---- files.c ------------------------------------------------------------------------------------- */

/* Plain files below a folder but its manifest and hidden ones, sorted: {"tables/a.csv":{"bytes","sha256"}}. */
ovp_status store_files(json_t **out, ovp_ctx *ctx, const char *dir);
/* manifest.json of a run folder of ours. Errors: OVP_EFORMAT. */
ovp_status store_manifest_read(json_t **out, ovp_ctx *ctx, const char *dir);
/* {"key": [value, value, ..]} of what differs between the members `member` of the manifests; NULL without memory. */
json_t *store_member_differences(json_t *const *manifests, ovp_idx count, const char *member);

/* ---- differ.c ------------------------------------------------------------------------------------ */

/* The table of times, which no comparison looks at. */
#define STORE_TIMINGS "timings"
/* Names of the tables in a run folder, sorted. New reference. */
json_t *store_table_names(const char *dir);

/* ---- list.c -------------------------------------------------------------------------------------- */

/* Manifest of an open run folder (links not followed). New reference, or NULL if there is none of ours; *why then
 * points to a static reason. */
json_t *store_manifest_at(int dir, const char **why);
/* Status as listed: "running" becomes "unfinished" when its process is gone. */
const char *store_status(const json_t *manifest);

#endif
