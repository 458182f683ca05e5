/* store: run folders, their manifest, tables, arrays and metrics. */
#ifndef OVERPARAM_STORE_H
#define OVERPARAM_STORE_H

#include <overparam/io.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tables -------------------------------------------------------------------------------------- */

typedef enum ovp_store_kind { OVP_CELL_NULL, OVP_CELL_INT, OVP_CELL_REAL, OVP_CELL_TEXT } ovp_store_kind;
typedef struct ovp_store_column {
    const char *name, *unit, *help;
} ovp_store_column;
typedef struct ovp_store_cell {
    ovp_store_kind kind;
    int64_t integer;
    double real;
    const char *text; /* copied by ovp_store_table_add */
} ovp_store_cell;

typedef struct ovp_store_table ovp_store_table;
/* columns are borrowed for the table's life; name: [a-z0-9_-]+ of at most 64 characters; 1 to 1000 columns.
 * Free with ovp_store_table_free. Errors: OVP_EINVAL, OVP_ENOMEM. */
OVP_API ovp_status ovp_store_table_create(ovp_store_table **out, ovp_ctx *ctx, const char *name,
                                          const ovp_store_column *columns, ovp_idx count);
OVP_API void ovp_store_table_free(ovp_store_table *table);
/* Appends a row of one cell a column. Errors: OVP_ENOMEM (the table is as before). */
OVP_API ovp_status ovp_store_table_add(ovp_store_table *table, const ovp_store_cell *cells);
OVP_API const char *ovp_store_table_name(const ovp_store_table *table);
OVP_API ovp_idx ovp_store_table_rows(const ovp_store_table *table);
/* Index of the column of this name, -1 if there is none. */
OVP_API ovp_idx ovp_store_table_column(const ovp_store_table *table, const char *name);
/* NULL outside the table. Owned by the table, valid until the next add. */
OVP_API const ovp_store_cell *ovp_store_table_cell(const ovp_store_table *table, ovp_idx row, ovp_idx column);
/* {"columns":[],"units":[],"rows":[[]]}; non-finite reals are null. New reference. */
OVP_API struct json_t *ovp_store_table_json(const ovp_store_table *table);
/* CSV with header; non-finite reals as nan, inf, -inf; null as an empty cell. */
OVP_API void ovp_store_table_csv(const ovp_store_table *table, ovp_text *out);

/* ---- run folders --------------------------------------------------------------------------------- */

typedef struct ovp_store_run ovp_store_run;

/* Makes root/experiment/<time>-<hash>/ (root NULL: OVERPARAM_RUNS, else ./runs) with a manifest whose status is
 * "running", before anything is computed. exact: use this folder itself (--out DIR); an existing non-empty folder is
 * refused. hash: of params text. Free with ovp_store_run_free (a run freed unfinished keeps status "running" and is
 * listed as unfinished). Errors OVP_EIO with path and reason. */
OVP_API ovp_status ovp_store_run_create(ovp_store_run **out, ovp_ctx *ctx, const char *root, const char *exact,
                                        const char *experiment, const char *params_text);
OVP_API void ovp_store_run_free(ovp_store_run *run);
OVP_API const char *ovp_store_run_dir(const ovp_store_run *run); /* absolute path */
/* Each replaces its file atomically: tables/<name>.csv, arrays.npz (all arrays), weights.npz, manifest.json, any other
 * file (relative path inside the folder; its subfolders are made). Errors: OVP_EINVAL (a path that leaves the folder),
 * OVP_EIO (the old file is still whole). */
OVP_API ovp_status ovp_store_run_table(ovp_store_run *run, const ovp_store_table *table);
OVP_API ovp_status ovp_store_run_arrays(ovp_store_run *run, const char *file, const ovp_io_named_array *arrays,
                                        ovp_idx count);
OVP_API ovp_status ovp_store_run_file(ovp_store_run *run, const char *relative, const void *data, size_t bytes);
/* manifest.json = manifest (borrowed object, may be NULL) with "program", "experiment", "status", "started",
 * "finished", "process" and, once the run is over, "files" (size and SHA-256 of each) set here; status
 * "running|complete|interrupted|failed". */
OVP_API ovp_status ovp_store_run_manifest(ovp_store_run *run, struct json_t *manifest, const char *status);
/* Appends one line to metrics.jsonl and flushes it; on OVP_EIO no part of it stays. */
OVP_API ovp_status ovp_store_run_metric(ovp_store_run *run, const struct json_t *line);

/* Runs under root, newest first: an array of {"id","experiment","dir","status","started","seconds","bytes"}
 * ("unfinished" where the manifest still says running and its process is gone, "broken" where there is no readable
 * manifest). New reference in *out. */
OVP_API ovp_status ovp_store_list(struct json_t **out, ovp_ctx *ctx, const char *root);
/* Which runs; set size = sizeof(ovp_store_filter), zero fields mean any. status: as listed. since: a time
 * ("2026-01-02", "2026-01-02T15:30", UTC) or an age ("30m", "12h", "7d"). where: "key=value;key=value" on parameters,
 * values compared as numbers where they are numbers, lists as "10,100". limit: the newest so many. scan: read the
 * folders, leave the index aside. */
typedef struct ovp_store_filter {
    size_t size;
    const char *experiment, *status, *since, *where;
    ovp_idx limit;
    int scan;
} ovp_store_filter;
/* ovp_store_list of the runs that match. Answered from the index (root/.index.sqlite), which is first brought up to
 * date with the folders and built again when it is missing, damaged or of another version; without it (no SQLite, a
 * read-only folder, locked) from the folders themselves, with the same answer. Errors: OVP_EUSAGE (the filter). */
OVP_API ovp_status ovp_store_select(struct json_t **out, ovp_ctx *ctx, const char *root,
                                    const ovp_store_filter *filter);
/* "SQLite 3.40.1", or "" where the index was left out of the build. Static. */
OVP_API const char *ovp_store_index_version(void);
/* Folder of a run given by id, unambiguous id prefix, "latest" or path. *dir freed with ovp_free. OVP_ENOTFOUND lists
 * near ids. */
OVP_API ovp_status ovp_store_find(char **dir, ovp_ctx *ctx, const char *root, const char *id);
/* Removes a run folder: only one that holds a manifest.json of ours, never following links nor crossing into another
 * file system. An empty folder with a run's name, left by a run that died at once, counts as ours. Errors: OVP_EINVAL
 * (no run folder, or its run is still going), OVP_ENOTFOUND, OVP_EIO (the manifest goes last, so it can be repeated).
 */
OVP_API ovp_status ovp_store_remove(ovp_ctx *ctx, const char *dir);

/* ---- comparing and verifying --------------------------------------------------------------------- */

/* Two to 8 runs side by side: {"runs":[..],"params":{"key":[v,v]},"environment":{..},"tables":{..},"verdicts":[..]}.
 * params and environment hold what differs (null: absent there). Tables are joined on their key columns, the shortest
 * beginning of the columns that names every row of every run once; a table is
 * {"keys":[..],"columns":[..],"rows":[..],"equal":n,"only":[[key..],[key..]]}: rows that all runs share as
 * {"key":[..],"same":b,"values":[[..],[..]],"absolute":[[..]],"relative":[[..]]} with the differences of each later run
 * from the first (null where a value is no finite number; relative to |first|), how many of them are the same, and each
 * run's keys that not all share. timings are left out. A verdict is {"claim","holds":[..],"measured":[..],
 * "predicted":[..]}. params_only: no tables and no
 * verdicts; without it runs of different experiments are refused. Errors: OVP_EUSAGE, OVP_EFORMAT, OVP_ENOMEM. New
 * reference. */
OVP_API ovp_status ovp_store_compare(struct json_t **out, ovp_ctx *ctx, const char *const *dirs, ovp_idx count,
                                     int params_only);
/* Every file of a run folder against its manifest (present, same SHA-256; tables, arrays and JSON readable, of the rows
 * and shapes the manifest names), the manifest's own schema, and the status complete. {"id","dir","experiment",
 * "status","ok","malformed","files":[{"file","state","why"}],"problems":[text]}; state ok, missing, changed,
 * unreadable, extra (no fault) or unrecorded (a run older than the sums; no fault). malformed: something cannot be
 * read, not merely differs. A run whose process still lives has status running, is ok and has no files here: they are
 * being written. New reference. Errors: OVP_EIO, OVP_ENOMEM. */
OVP_API ovp_status ovp_store_verify(struct json_t **out, ovp_ctx *ctx, const char *dir);
/* Tables (timings excepted) and arrays of two runs bit for bit: {"same","compared","differences":[{"file","where",
 * "first","second"}],"environment":{"key":[v,v]}}, the first difference of each file; environment: what differs of isa,
 * cpu, blas, core, flavour, precision, version and commit. New reference. Errors: OVP_EFORMAT, OVP_EIO, OVP_ENOMEM. */
OVP_API ovp_status ovp_store_differ(struct json_t **out, ovp_ctx *ctx, const char *first, const char *second);

#ifdef __cplusplus
}
#endif
#endif
