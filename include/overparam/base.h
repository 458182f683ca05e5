/* base: status codes, context, allocation, logging, threads, strings, parameter tables.
 *
 * Everything shared hangs on an `ovp_ctx`; there is no global mutable state. A context belongs to one
 * thread at a time (only ovp_cancel may be called from anywhere, signal handlers included). */
#ifndef OVERPARAM_BASE_H
#define OVERPARAM_BASE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define OVP_API __attribute__((visibility("default")))
#define OVP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define OVP_API
#define OVP_PRINTF(f, a)
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OVP_VERSION "0.1.0"

/* All extents, counts and indices; size_t only for bytes. */
typedef int64_t ovp_idx;

/* One list: code, exit code of the program, text. */
#define OVP_STATUS_LIST(X)                                                                                             \
    X(OVP_OK, 0, "success")                                                                                            \
    X(OVP_ENOMEM, 1, "out of memory")                                                                                  \
    X(OVP_EUSAGE, 2, "wrong use of the command line")                                                                  \
    X(OVP_EINVAL, 2, "invalid argument")                                                                               \
    X(OVP_ESHAPE, 3, "shapes do not match")                                                                            \
    X(OVP_EFORMAT, 3, "malformed data")                                                                                \
    X(OVP_ECONFIG, 3, "bad configuration")                                                                             \
    X(OVP_ENOTFOUND, 3, "not found")                                                                                   \
    X(OVP_ELIMIT, 3, "data exceed a limit")                                                                            \
    X(OVP_EIO, 1, "input or output failed")                                                                            \
    X(OVP_EUNSUPPORTED, 1, "operation not supported here")                                                             \
    X(OVP_EUNAVAILABLE, 1, "optional part not available")                                                              \
    X(OVP_EINTERRUPTED, 130, "interrupted")                                                                            \
    X(OVP_ENUMERIC, 1, "numerical failure")                                                                            \
    X(OVP_EINTERNAL, 1, "internal error")                                                                              \
    X(OVP_EDIFFERS, 1, "results differ")

typedef enum ovp_status {
#define OVP_X(code, exit_code, text) code,
    OVP_STATUS_LIST(OVP_X)
#undef OVP_X
        OVP_STATUS_COUNT
} ovp_status;

/* Name of a status ("OVP_EIO"), its text, and the program's exit code for it. Never fail; any int is accepted. */
OVP_API const char *ovp_status_name(ovp_status status);
OVP_API const char *ovp_status_text(ovp_status status);
OVP_API int ovp_status_exit_code(ovp_status status);

/* Runs an expression that yields ovp_status; on failure keeps it in the local `status` and jumps to `done`. */
#define OVP_TRY(expr)                                                                                                  \
    do {                                                                                                               \
        status = (expr);                                                                                               \
        if (status != OVP_OK) goto done;                                                                               \
    } while (0)

/* ---- context ------------------------------------------------------------------------------------- */

typedef struct ovp_ctx ovp_ctx;

/* Allocator hook. `alloc` returns memory aligned to 64 bytes (contents undefined) or NULL; both may be called from
 * any worker thread. */
typedef struct ovp_allocator {
    void *(*alloc)(void *user, size_t bytes);
    void (*release)(void *user, void *memory);
    void *user;
} ovp_allocator;

typedef enum ovp_log_level { OVP_LOG_DEBUG, OVP_LOG_INFO, OVP_LOG_WARNING } ovp_log_level;

/* What a long computation reports; strings live only during the call. `done` of `total` `unit`s; `value` is the
 * current figure of merit named `value_name` (NaN: none). */
typedef struct ovp_progress {
    const char *stage;
    const char *unit;
    ovp_idx done, total;
    const char *value_name;
    double value;
} ovp_progress;

typedef void (*ovp_log_fn)(void *user, ovp_log_level level, const char *line);
typedef void (*ovp_progress_fn)(void *user, const ovp_progress *progress);

/* Set `size = sizeof(ovp_ctx_options)`; zero fields mean the default. threads 0: the processors this process may
 * use; callbacks NULL: silent; isa NULL: OVERPARAM_ISA from the environment, else the best level found
 * ("base", "v3", "v4"). */
typedef struct ovp_ctx_options {
    size_t size;
    int threads;
    const char *isa;
    const ovp_allocator *allocator;
    ovp_log_fn log;
    ovp_progress_fn progress;
    void *user;
} ovp_ctx_options;

/* Creates a context in *out (free with ovp_ctx_free). options may be NULL. No thread is started before the first
 * ovp_parallel. Errors: OVP_EINVAL (threads outside 0..256, unknown or unsupported isa), OVP_ENOMEM; with no
 * context to hold it, the message is ovp_status_text. */
OVP_API ovp_status ovp_ctx_create(ovp_ctx **out, const ovp_ctx_options *options);
/* Joins the workers and frees. NULL is fine. */
OVP_API void ovp_ctx_free(ovp_ctx *ctx);

/* Records a failure and returns `status`. One line: what, where, the value, the allowed range, what to do. A message
 * already held is kept (the lowest error wins) until ovp_clear. Never allocates. */
OVP_API ovp_status ovp_fail(ovp_ctx *ctx, ovp_status status, const char *format, ...) OVP_PRINTF(3, 4);
/* The message of the first failure since ovp_clear, "" if none. Owned by the context. */
OVP_API const char *ovp_message(const ovp_ctx *ctx);
OVP_API ovp_status ovp_last_status(const ovp_ctx *ctx);
OVP_API void ovp_clear(ovp_ctx *ctx);

/* Asks all work under this context to stop; async-signal-safe and callable from any thread. */
OVP_API void ovp_cancel(ovp_ctx *ctx);
/* OVP_EINTERRUPTED (with a message) once ovp_cancel was called, else OVP_OK. */
OVP_API ovp_status ovp_check(ovp_ctx *ctx);

/* Hands a line (printf format, cut at 1023 characters) to the context's log callback; nothing without one. */
OVP_API void ovp_log(ovp_ctx *ctx, ovp_log_level level, const char *format, ...) OVP_PRINTF(3, 4);
/* Hands a state of affairs to the context's progress callback; nothing without one. Cheap: callers need not throttle.
 */
OVP_API void ovp_report(ovp_ctx *ctx, const ovp_progress *progress);

/* ---- allocation ---------------------------------------------------------------------------------- */

/* *out = count * size bytes, zeroed, aligned to 64 bytes; count 0 gives a valid pointer. Free with ovp_free.
 * Errors: OVP_ENOMEM (also when count * size overflows), naming the bytes. */
OVP_API ovp_status ovp_alloc(ovp_ctx *ctx, void *out, ovp_idx count, size_t size);
/* As ovp_alloc, holding anything: for large arrays that tasks are about to fill, each its part (pages are then made by
 * all threads, and written once). */
OVP_API ovp_status ovp_alloc_unset(ovp_ctx *ctx, void *out, ovp_idx count, size_t size);
/* NULL is fine. ctx is any context of the family the memory came from. */
OVP_API void ovp_free(ovp_ctx *ctx, void *memory);
/* Copy of a string; *out freed with ovp_free. */
OVP_API ovp_status ovp_strdup(ovp_ctx *ctx, char **out, const char *text);

/* ---- threads ------------------------------------------------------------------------------------- */

/* Threads used by ovp_parallel, the calling one included; >= 1. */
OVP_API int ovp_threads(const ovp_ctx *ctx);
/* Of the context a task received: which of the ovp_threads() workers runs it, 0 = the caller. */
OVP_API int ovp_worker(const ovp_ctx *ctx);

typedef ovp_status (*ovp_task_fn)(ovp_ctx *worker, void *arg, ovp_idx task);

/* Runs fn(worker context, arg, task) for task = 0..tasks-1, handed out in increasing order to whichever worker is
 * free. Results must not depend on which worker ran a task. After a failure or ovp_cancel no new task starts; the
 * error of the lowest failed task is returned, its message in ctx. Nested calls run inline. Allocates nothing after
 * the first call. Errors: those of fn, OVP_EINTERRUPTED. */
OVP_API ovp_status ovp_parallel(ovp_ctx *ctx, ovp_idx tasks, ovp_task_fn fn, void *arg);

/* ---- clock, processor, strings ------------------------------------------------------------------- */

/* Monotonic seconds. */
OVP_API double ovp_seconds(void);
/* Largest resident set of this process so far, in bytes; 0 if unknown. */
OVP_API int64_t ovp_peak_memory(void);
/* Level in use ("base", "v3", "v4") and its rank 0, 1, 2. */
OVP_API const char *ovp_isa(const ovp_ctx *ctx);
OVP_API int ovp_isa_rank(const ovp_ctx *ctx);
/* Processor model name into buffer (truncated); "unknown" if it cannot be found. */
OVP_API void ovp_cpu_name(char *buffer, size_t bytes);

/* Shortest decimal that reads back as the same double, locale-independent; "nan", "inf", "-inf" otherwise.
 * buffer holds at least 32 bytes. Returns the length. */
OVP_API int ovp_format_real(char *buffer, double value);
/* Shortest decimal that reads back as the same float. */
OVP_API int ovp_format_real32(char *buffer, float value);
/* The whole of text as a double: decimal with optional '_' between digits, exponent, inf, nan; locale-independent.
 * False if it is anything else. */
OVP_API int ovp_parse_real(const char *text, double *out);
/* The whole of text as an integer: digits with optional '_' and sign, or a real form with an integer value (1e4). */
OVP_API int ovp_parse_int(const char *text, int64_t *out);
/* Edit distance for did-you-mean (Damerau-Levenshtein, strings cut at 63 characters). */
OVP_API int ovp_edit_distance(const char *a, const char *b);

/* Growing byte string: zero-initialise, append, free. `data` is always 0-terminated once anything was appended.
 * A failed append leaves `failed` set and later appends do nothing: check once at the end. */
typedef struct ovp_text {
    ovp_ctx *ctx;
    char *data;
    size_t length, capacity;
    int failed;
} ovp_text;
OVP_API void ovp_text_add(ovp_text *text, const char *format, ...) OVP_PRINTF(2, 3);
OVP_API void ovp_text_add_bytes(ovp_text *text, const void *bytes, size_t count);
OVP_API void ovp_text_free(ovp_text *text);
/* OVP_OK or OVP_ENOMEM if an append failed. */
OVP_API ovp_status ovp_text_status(ovp_text *text);

/* ---- other programs ------------------------------------------------------------------------------ */

/* Set size = sizeof(ovp_program_options). timeout 0: none. tick (NULL: none) is called about every 50 ms while the
 * program runs, on the calling thread; a value other than 0 stops the program. */
typedef struct ovp_program_options {
    size_t size;
    const char *dir; /* working folder, NULL: this process's */
    double timeout;  /* seconds */
    int (*tick)(void *user);
    void *user;
} ovp_program_options;

typedef struct ovp_program_result {
    int exit_code; /* of the program; 128 + signal if it was killed; -1 unknown (the host ignores SIGCHLD) */
    int timed_out, stopped;
    int error; /* errno when the program could not be started, else 0 */
    char output[2048];
} ovp_program_result;

/* Full path of a program on PATH (absolute entries only) into path, or 0. */
OVP_API int ovp_program_find(char *path, size_t bytes, const char *name);
/* Runs argv[0] (absolute path; at most 31 arguments) with stdin empty, and stdout and stderr kept in output (the last
 * 2047 bytes). Started with posix_spawn in its own process group, killed with its children when its time is over or its
 * tick says so. Failures stand in *out. */
OVP_API void ovp_program_run(ovp_program_result *out, const char *const *argv, const ovp_program_options *options);
/* The last line of result->output that says something, cleaned of control characters in place; "no message". */
OVP_API const char *ovp_program_last_words(ovp_program_result *result);

/* ---- parameter tables ---------------------------------------------------------------------------- */

/* One row declares a parameter once: from it come the flag, the YAML key, --help, validation, the manifest and the
 * reference page. Types: */
typedef enum ovp_param_type {
    OVP_PARAM_INT,      /* 64-bit integer in [min, max] */
    OVP_PARAM_REAL,     /* double in [min, max] */
    OVP_PARAM_BOOL,     /* yes|no, true|false, on|off, 1|0; a bare flag means yes */
    OVP_PARAM_CHOICE,   /* one of `choices`, separated by '|' */
    OVP_PARAM_TEXT,     /* any text */
    OVP_PARAM_INT_LIST, /* items a, A..B (inclusive), log:A:B:N, lin:A:B:N, comma-separated; each in [min, max] */
    OVP_PARAM_REAL_LIST
} ovp_param_type;

typedef struct ovp_param {
    const char *key; /* kebab-case; '_' is accepted for '-' */
    ovp_param_type type;
    const char *value; /* default, in the syntax of the command line */
    double min, max;   /* allowed range of numbers, inclusive; -INFINITY, INFINITY for none */
    const char *choices;
    const char *unit; /* "" if none */
    const char *help; /* one sentence */
} ovp_param;

typedef struct ovp_params ovp_params;

/* A set of values for rows[0..count-1], holding their defaults. rows must outlive it. Free with ovp_params_free.
 * Errors: OVP_EINTERNAL if a default does not satisfy its own row. */
OVP_API ovp_status ovp_params_create(ovp_params **out, ovp_ctx *ctx, const ovp_param *rows, ovp_idx count);
OVP_API void ovp_params_free(ovp_params *params);
/* Sets key from text. `where` names the source for the message ("--widths", "config.yaml line 3"); error is the status
 * to fail with (OVP_EUSAGE from the command line, OVP_ECONFIG from a file). Unknown keys get a did-you-mean; values
 * outside the row's range get the range; an empty list is refused. */
OVP_API ovp_status ovp_params_set(ovp_params *params, const char *key, const char *text, const char *where,
                                  ovp_status error);
/* Row of a key, NULL if unknown ('_' accepted for '-'). */
OVP_API const ovp_param *ovp_params_find(const ovp_params *params, const char *key);
OVP_API ovp_idx ovp_params_count(const ovp_params *params);
OVP_API const ovp_param *ovp_params_row(const ovp_params *params, ovp_idx i);
/* Typed values; the key must exist with that type (programmer error otherwise, asserted). Strings and lists are owned
 * by the set and live until it changes. */
OVP_API int64_t ovp_params_int(const ovp_params *params, const char *key);
OVP_API double ovp_params_real(const ovp_params *params, const char *key);
OVP_API int ovp_params_bool(const ovp_params *params, const char *key);
OVP_API const char *ovp_params_text(const ovp_params *params, const char *key); /* CHOICE and TEXT */
OVP_API const int64_t *ovp_params_ints(const ovp_params *params, const char *key, ovp_idx *count);
OVP_API const double *ovp_params_reals(const ovp_params *params, const char *key, ovp_idx *count);
/* Canonical text of the current value, readable back by ovp_params_set. Owned by the set. */
OVP_API const char *ovp_params_show(const ovp_params *params, const char *key);
/* True if the value was set by ovp_params_set, false if it is the default. */
OVP_API int ovp_params_is_set(const ovp_params *params, const char *key);

#ifdef __cplusplus
}
#endif
#endif
