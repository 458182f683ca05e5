/* overparam runs verify [ID]... [--rerun] */
#include <stdlib.h>
#include <unistd.h>

#include "cli_int.h"

/* What the runs looked at come to. */
typedef struct tally {
    cli_app *cli;
    json_t *reports;
    int bad, malformed;
    char first[256]; /* id of the first that is not well, and why */
} tally;

static void add_fault(tally *t, const char *id, const char *what) {
    if (!t->bad++) snprintf(t->first, sizeof t->first, "%.60s: %.180s", id, what);
}

/* ---- running it again ------------------------------------------------------------------------------ */

static void put_differences(cli_app *cli, const json_t *again) {
    const json_t *environment = json_object_get(again, "environment");
    size_t i;
    json_t *one, *values;
    const char *key;
    ovp_text_add(&cli->out, "  %srun again%s: %zu files compared bit for bit, %s\n", cli_paint(cli, CLI_BOLD),
                 cli_paint(cli, CLI_PLAIN), json_array_size(json_object_get(again, "compared")),
                 json_is_true(json_object_get(again, "same")) ? "all the same" : "not the same");
    json_array_foreach(json_object_get(again, "differences"), i, one)
        ovp_text_add(&cli->out, "  differs   %s, %s: %s then, %s now\n", cli_json_text(one, "file"),
                     cli_json_text(one, "where"), cli_json_text(one, "first"), cli_json_text(one, "second"));
    json_object_foreach((json_t *)(uintptr_t)environment, key, values)
        ovp_text_add(&cli->out, "  %s %s: %s then, %s now\n",
                     json_is_true(json_object_get(again, "same")) ? "although  " : "explained by", key,
                     json_string_value(json_array_get(values, 0)) ? json_string_value(json_array_get(values, 0)) : "-",
                     json_string_value(json_array_get(values, 1)) ? json_string_value(json_array_get(values, 1)) : "-");
}

/* Runs it into a scratch folder, compares, removes the scratch folder. */
static ovp_status rerun(json_t **again, cli_app *cli, const char *dir) {
    const char *base = getenv("TMPDIR");
    char path[4200], scratch[4096] = "";
    json_t *manifest = NULL, *result = NULL;
    ovp_params *params = NULL;
    const ovp_experiment *experiment;
    ovp_status status;
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    OVP_TRY(ovp_io_json_read(&manifest, cli->ctx, path));
    OVP_TRY(cli_find_experiment(&experiment, cli, cli_json_text(manifest, "experiment")));
    OVP_TRY(ovp_experiment_params_restore(&params, cli->ctx, experiment, manifest));
    snprintf(scratch, sizeof scratch,
             "%.4000s/overparam-rerun-"
             "XX"
             "XX"
             "XX",
             base && *base ? base : "/tmp");
    if (!mkdtemp(scratch)) {
        status = ovp_fail(cli->ctx, OVP_EIO, "runs verify: cannot make the scratch folder %.200s; set TMPDIR", scratch);
        scratch[0] = '\0';
        goto done;
    }
    status = cli_compute(&result, cli, experiment, params, scratch);
    if (status != OVP_OK) {
        /* Its message says where the finished rows are kept, which they are not here. */
        const char *error = cli_json_text(result, "error");
        char message[600];
        snprintf(message, sizeof message, "%.500s", error[0] ? error : ovp_message(cli->ctx));
        ovp_clear(cli->ctx);
        status = ovp_fail(cli->ctx, status, "running it again: %s (nothing of it is kept)", message);
        goto done;
    }
    OVP_TRY(ovp_store_differ(again, cli->ctx, dir, scratch));
done:
    /* Whatever became of the run; without a manifest there is only the empty folder. */
    if (scratch[0] && rmdir(scratch) != 0) {
        ovp_status removed = ovp_store_remove(cli->ctx, scratch);
        if (status == OVP_OK) status = removed;
    }
    json_decref(manifest);
    json_decref(result);
    ovp_params_free(params);
    return status;
}

/* ---- one run --------------------------------------------------------------------------------------- */

static int is_running(const json_t *report) {
    return !strcmp(cli_json_text(report, "status"), "running");
}

static void put_report(cli_app *cli, const json_t *report) {
    const int ok = json_is_true(json_object_get(report, "ok"));
    size_t i, files = 0, unrecorded = 0;
    json_t *one;
    if (is_running(report)) {
        ovp_text_add(&cli->out, "%srun  %s  %s  %s  still running: verify it when it is done\n",
                     cli_paint(cli, CLI_YELLOW), cli_paint(cli, CLI_PLAIN), cli_json_text(report, "id"),
                     cli_json_text(report, "experiment"));
        return;
    }
    json_array_foreach(json_object_get(report, "files"), i, one) {
        files += !strcmp(cli_json_text(one, "state"), "ok");
        unrecorded += !strcmp(cli_json_text(one, "state"), "unrecorded");
    }
    ovp_text_add(&cli->out, "%s%s%s  %s  %s, %zu files as the manifest says", cli_paint(cli, ok ? CLI_GREEN : CLI_RED),
                 ok ? "ok   " : "FAULT", cli_paint(cli, CLI_PLAIN), cli_json_text(report, "id"),
                 cli_json_text(report, "experiment"), files);
    if (unrecorded) ovp_text_add(&cli->out, ", %zu readable but without a sum there", unrecorded);
    ovp_text_add(&cli->out, "\n");
    json_array_foreach(json_object_get(report, "problems"), i, one)
        ovp_text_add(&cli->out, "  problem     %s\n", json_string_value(one));
    json_array_foreach(json_object_get(report, "files"), i, one) {
        const char *state = cli_json_text(one, "state"), *why = cli_json_text(one, "why");
        if (strcmp(state, "ok") && strcmp(state, "unrecorded"))
            ovp_text_add(&cli->out, "  %-10s  %s%s%s\n", state, cli_json_text(one, "file"), why[0] ? ": " : "", why);
    }
}

static void count_faults(tally *t, const json_t *report) {
    const char *id = cli_json_text(report, "id");
    size_t i;
    json_t *one;
    if (json_is_true(json_object_get(report, "malformed"))) t->malformed = 1;
    json_array_foreach(json_object_get(report, "problems"), i, one) add_fault(t, id, json_string_value(one));
    json_array_foreach(json_object_get(report, "files"), i, one) {
        const char *state = cli_json_text(one, "state");
        char what[200];
        if (strcmp(state, "missing") && strcmp(state, "changed") && strcmp(state, "unreadable")) continue;
        snprintf(what, sizeof what, "%.140s is %s", cli_json_text(one, "file"), state);
        add_fault(t, id, what);
    }
}

static ovp_status verify_one(tally *t, const cli_args *args, const char *dir) {
    cli_app *cli = t->cli;
    json_t *report = NULL, *again = NULL;
    char what[200];
    ovp_status status;
    OVP_TRY(ovp_store_verify(&report, cli->ctx, dir));
    count_faults(t, report);
    cli_json_append(cli, t->reports, json_incref(report));
    if (!cli_value(args, "json")) put_report(cli, report);
    /* Damaged folders are not worth the computation: what would differ is known. */
    if (!cli_value(args, "rerun") || !json_is_true(json_object_get(report, "ok")) || is_running(report)) goto done;
    OVP_TRY(rerun(&again, cli, dir));
    cli_json_set(cli, report, "rerun", json_incref(again));
    if (!cli_value(args, "json")) put_differences(cli, again);
    const json_t *first = json_array_get(json_object_get(again, "differences"), 0);
    if (!first) goto done;
    snprintf(what, sizeof what, "run again, %.60s differs at %.80s%s", cli_json_text(first, "file"),
             cli_json_text(first, "where"),
             json_object_size(json_object_get(again, "environment")) ? " (so does the environment)" : "");
    add_fault(t, cli_json_text(report, "id"), what);
done:
    json_decref(report);
    json_decref(again);
    return status;
}

ovp_status cli_runs_verify(cli_app *cli, const cli_args *args) {
    tally t = {.cli = cli, .reports = json_array()};
    json_t *runs = NULL, *run;
    ovp_status status = OVP_OK;
    char *dir = NULL;
    size_t i;
    if (args->operand_count < 2 && cli_value(args, "rerun")) {
        status =
            ovp_fail(cli->ctx, OVP_EUSAGE, "runs verify --rerun: name the runs to repeat; see: overparam runs list");
        goto done;
    }
    for (int k = 1; k < args->operand_count; k++) {
        OVP_TRY(ovp_store_find(&dir, cli->ctx, NULL, args->operands[k]));
        OVP_TRY(verify_one(&t, args, dir));
        ovp_free(cli->ctx, dir);
        dir = NULL;
    }
    if (args->operand_count < 2) {
        OVP_TRY(ovp_store_list(&runs, cli->ctx, NULL));
        json_array_foreach(runs, i, run) OVP_TRY(verify_one(&t, args, cli_json_text(run, "dir")));
        if (json_array_size(runs) == 0 && !cli_value(args, "json")) ovp_text_add(&cli->out, "No runs to verify.\n");
    }
    if (cli_value(args, "json"))
        OVP_TRY(cli_put_json(cli, json_pack("{s:i, s:b, s:O}", "schema", 1, "ok", t.bad == 0, "runs", t.reports)));
    if (!t.bad) goto done;
    cli->keep_output = 1; /* the report is the result, whatever it says */
    status = t.bad > 1
                 ? ovp_fail(cli->ctx, t.malformed ? OVP_EFORMAT : OVP_EDIFFERS, "%s; and %d more", t.first, t.bad - 1)
                 : ovp_fail(cli->ctx, t.malformed ? OVP_EFORMAT : OVP_EDIFFERS, "%s", t.first);
done:
    ovp_free(cli->ctx, dir);
    json_decref(t.reports);
    json_decref(runs);
    return status;
}
