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

/* Manifest of an open run folder (links not followed). New reference, or NULL if there is none of ours; *why then
 * points to a static reason. */
json_t *store_manifest_at(int dir, const char **why);
/* Status as listed: "running" becomes "unfinished" when its process is gone. */
const char *store_status(const json_t *manifest);

#endif
