/* overparam runs list|show|rm; compare and verify have files of their own */
#include <dirent.h>
#include <stdlib.h>

#include "cli_int.h"

static const cli_action actions[] = {
    {"list", "", "The runs, newest first."},
    {"show", "ID", "Parameters, verdicts and files of a run: its id, the beginning of one, 'latest' or a path."},
    {"compare", "ID ID...",
     "Parameters and environments that differ, tables joined row by row with their differences, the verdicts of each."},
    {"verify", "[ID]...",
     "Check every file against the manifest (all runs, without ID); --rerun repeats the run and compares bit for bit."},
    {"rm", "ID...", "Remove run folders; prints what it removed."},
    {0},
};

static const cli_option options[] = {
    {"experiment", "NAME", "list: runs of this experiment."},
    {"status", "STATUS", "list: running, complete, interrupted, failed, unfinished or broken."},
    {"since", "TIME", "list: started since 2026-01-02 or 2026-01-02T15:30 (UTC), or in the last 30m, 12h, 7d."},
    {"where", "KEY=VALUE", "list: runs with this parameter; several as 'KEY=VALUE;KEY=VALUE', lists as 10,100."},
    {"limit", "N", "list: the newest N."},
    {"params", NULL, "compare: parameters and environments alone, of any experiments."},
    {"rerun", NULL, "verify: run it again with its parameters and seeds and compare tables and arrays bit for bit."},
    {"json", NULL, "One JSON object."},
    {0},
};

static ovp_status read_filter(ovp_store_filter *filter, cli_app *cli, const cli_args *args) {
    const char *limit = cli_value(args, "limit");
    *filter = (ovp_store_filter){.size = sizeof *filter,
                                 .experiment = cli_value(args, "experiment"),
                                 .status = cli_value(args, "status"),
                                 .since = cli_value(args, "since"),
                                 .where = cli_value(args, "where")};
    if (limit && (!ovp_parse_int(limit, &filter->limit) || filter->limit < 1))
        return ovp_fail(cli->ctx, OVP_EUSAGE, "--limit '%.40s': a whole number from 1 on", limit);
    return OVP_OK;
}

static ovp_status list(cli_app *cli, const cli_args *args) {
    json_t *runs = NULL, *one;
    size_t i;
    cli_grid grid;
    ovp_store_filter filter;
    ovp_status status = read_filter(&filter, cli, args);
    if (status == OVP_OK) status = ovp_store_select(&runs, cli->ctx, NULL, &filter);
    if (status != OVP_OK) return status;
    if (cli_value(args, "json")) return cli_put_json(cli, json_pack("{s:i, s:o}", "schema", 1, "runs", runs));
    if (json_array_size(runs) == 0)
        ovp_text_add(&cli->out, filter.experiment || filter.status || filter.since || filter.where
                                    ? "No run matches.\n"
                                    : "No runs yet. Start one: overparam run EXPERIMENT --preset quick\n");
    cli_grid_begin(&grid, cli, 6, 0);
    grid.right[3] = grid.right[4] = 1;
    json_array_foreach(runs, i, one) {
        char size[32], took[32] = "";
        const json_t *seconds = json_object_get(one, "seconds");
        const char *state = cli_json_text(one, "status");
        cli_bytes_text(size, sizeof size, json_number_value(json_object_get(one, "bytes")));
        if (json_is_number(seconds)) cli_seconds_text(took, sizeof took, json_number_value(seconds));
        cli_grid_cell(&grid, "%s", cli_json_text(one, "id"));
        cli_grid_cell(&grid, "%s", cli_json_text(one, "experiment"));
        cli_grid_cell(&grid, "%s%s%s", cli_paint(cli, strcmp(state, "complete") ? CLI_YELLOW : CLI_GREEN), state,
                      cli_paint(cli, CLI_PLAIN));
        cli_grid_cell(&grid, "%s", took);
        cli_grid_cell(&grid, "%s", size);
        cli_grid_cell(&grid, "%s", cli_json_text(one, "started"));
    }
    cli_grid_end(&grid, cli);
    json_decref(runs);
    return OVP_OK;
}

/* ---- show ---------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in a folder and one level below ("tables/widths.csv"), sorted; appended to out. */
static ovp_status list_files(json_t *out, cli_app *cli, const char *dir, const char *below) {
    char path[4096];
    enum { MOST = 512 };
    char *names[MOST];
    ovp_status status = OVP_OK;
    int count = 0;
    snprintf(path, sizeof path, "%s%s%s", dir, below[0] ? "/" : "", below);
    DIR *folder = opendir(path);
    if (!folder) return OVP_OK;
    struct dirent *entry;
    while (count < MOST && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.') continue;
        OVP_TRY(ovp_strdup(cli->ctx, &names[count], entry->d_name));
        count++;
    }
    qsort(names, (size_t)count, sizeof names[0], by_name);
    for (int i = 0; i < count; i++) {
        char full[8192], relative[1024];
        snprintf(full, sizeof full, "%s/%s", path, names[i]);
        snprintf(relative, sizeof relative, "%s%s%s", below, below[0] ? "/" : "", names[i]);
        DIR *inner = below[0] ? NULL : opendir(full);
        if (inner) {
            closedir(inner);
            OVP_TRY(list_files(out, cli, dir, names[i]));
        } else {
            cli_json_append(cli, out, json_string(relative));
        }
    }
done:
    closedir(folder);
    for (int i = 0; i < count; i++) ovp_free(cli->ctx, names[i]);
    return status;
}

void cli_value_text(ovp_text *out, const json_t *value) {
    size_t i;
    json_t *item;
    if (json_is_string(value)) {
        ovp_text_add(out, "%s", json_string_value(value));
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, item) {
            if (i) ovp_text_add(out, ", ");
            if (i == 12) {
                ovp_text_add(out, "... (%zu)", json_array_size(value));
                break;
            }
            cli_value_text(out, item);
        }
    } else {
        ovp_io_json_dump(out, value, 0);
    }
}

static void put_object(cli_app *cli, const char *title, const json_t *object) {
    const char *key;
    json_t *value;
    cli_grid grid;
    if (json_object_size(object) == 0) return;
    ovp_text_add(&cli->out, "\n%s%s%s\n", cli_paint(cli, CLI_BOLD), title, cli_paint(cli, CLI_PLAIN));
    cli_grid_begin(&grid, cli, 2, 2);
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        ovp_text text = {.ctx = cli->ctx};
        cli_value_text(&text, value);
        cli_grid_cell(&grid, "%s", key);
        cli_grid_cell(&grid, "%s", text.data ? text.data : "");
        if (text.failed) cli->out.failed = 1;
        ovp_text_free(&text);
    }
    cli_grid_end(&grid, cli);
}

static void put_page(cli_app *cli, const char *dir, const json_t *manifest, const json_t *files) {
    size_t i;
    json_t *file;
    int report = 0;
    cli_grid grid;
    static const char *const lines[] = {"experiment", "status", "started", "finished", "version"};
    cli_grid_begin(&grid, cli, 2, 0);
    for (int k = 0; k < 5; k++) {
        const char *text = cli_json_text(manifest, lines[k]);
        if (!text[0]) continue;
        cli_grid_cell(&grid, "%s", lines[k]);
        cli_grid_cell(&grid, "%s", text);
    }
    cli_grid_cell(&grid, "folder");
    cli_grid_cell(&grid, "%s", dir);
    cli_grid_end(&grid, cli);
    put_object(cli, "Parameters", json_object_get(manifest, "params"));
    put_object(cli, "Environment", json_object_get(manifest, "environment"));
    const int verdicts = json_array_size(json_object_get(manifest, "verdicts")) > 0;
    if (verdicts) {
        ovp_text_add(&cli->out, "\n");
        cli_put_verdicts(cli, json_object_get(manifest, "verdicts"));
    }
    ovp_text_add(&cli->out, "%s%sFiles%s\n", verdicts ? "" : "\n", cli_paint(cli, CLI_BOLD), cli_paint(cli, CLI_PLAIN));
    json_array_foreach(files, i, file) {
        const char *name = json_string_value(file);
        if (!name) continue;
        ovp_text_add(&cli->out, "  %s\n", name);
        if (!strcmp(name, "report.html")) report = 1;
    }
    if (!report) return;
    ovp_text_add(&cli->out, "\nReport  ");
    cli_put_file_url(cli, dir, "report.html");
    ovp_text_add(&cli->out, "\n");
}

static ovp_status show(cli_app *cli, const cli_args *args) {
    char *dir = NULL, path[4200];
    json_t *manifest = NULL, *files = json_array();
    ovp_status status;
    if (args->operand_count != 2) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "runs show: give one ID (or latest); see: overparam runs list");
        goto done;
    }
    OVP_TRY(ovp_store_find(&dir, cli->ctx, NULL, args->operands[1]));
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    OVP_TRY(ovp_io_json_read(&manifest, cli->ctx, path));
    OVP_TRY(list_files(files, cli, dir, ""));
    if (cli_value(args, "json"))
        status = cli_put_json(
            cli, json_pack("{s:i, s:s, s:O, s:O}", "schema", 1, "run_dir", dir, "manifest", manifest, "files", files));
    else
        put_page(cli, dir, manifest, files);
done:
    json_decref(files);
    json_decref(manifest);
    ovp_free(cli->ctx, dir);
    return status;
}

/* ---- rm ------------------------------------------------------------------------------------------ */

static ovp_status rm(cli_app *cli, const cli_args *args) {
    char **dirs = NULL;
    json_t *removed = json_array();
    ovp_idx count = args->operand_count - 1;
    ovp_status status;
    if (count < 1) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE, "runs rm: give at least one ID; see: overparam runs list");
        goto done;
    }
    /* Every id is looked up before anything is removed: a typing error removes nothing. */
    OVP_TRY(ovp_alloc(cli->ctx, &dirs, count, sizeof *dirs));
    for (ovp_idx i = 0; i < count; i++) {
        OVP_TRY(ovp_store_find(&dirs[i], cli->ctx, NULL, args->operands[i + 1]));
        for (ovp_idx k = 0; k < i; k++)
            if (dirs[k] && !strcmp(dirs[k], dirs[i])) {
                ovp_free(cli->ctx, dirs[i]);
                dirs[i] = NULL;
                break;
            }
    }
    for (ovp_idx i = 0; i < count; i++) {
        if (!dirs[i]) continue;
        OVP_TRY(ovp_store_remove(cli->ctx, dirs[i]));
        cli_json_append(cli, removed, json_string(dirs[i]));
        if (!cli_value(args, "json")) ovp_text_add(&cli->out, "removed %s\n", dirs[i]);
    }
    if (cli_value(args, "json")) status = cli_put_json(cli, json_pack("{s:i, s:O}", "schema", 1, "removed", removed));
done:
    for (ovp_idx i = 0; dirs && i < count; i++) ovp_free(cli->ctx, dirs[i]);
    ovp_free(cli->ctx, dirs);
    json_decref(removed);
    return status;
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    const cli_action *action;
    ovp_status status;
    OVP_TRY(cli_parse(&args, cli, &cli_command_runs, NULL, argc, argv));
    OVP_TRY(cli_find_action(&action, cli, &args, "list"));
    OVP_TRY(cli_check_action(cli, &args, action->name));
    if (!strcmp(action->name, "list")) {
        OVP_TRY(cli_expect_operands(cli, &args, 0, 1));
        status = list(cli, &args);
    } else {
        status = !strcmp(action->name, "show")      ? show(cli, &args)
                 : !strcmp(action->name, "compare") ? cli_runs_compare(cli, &args)
                 : !strcmp(action->name, "verify")  ? cli_runs_verify(cli, &args)
                                                    : rm(cli, &args);
    }
done:
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_runs = {
    .name = "runs",
    .operands = "[list|show|compare|verify|rm]",
    .summary = "The run folders: list, show, compare, verify, remove.",
    .about = "Runs lie in $OVERPARAM_RUNS, or in ./runs without it. A run is named by its id, the beginning of one, "
             "'latest' or its path. The folders are the truth; an index beside them (.index.sqlite) only makes listing "
             "fast and may be deleted at any time.",
    .examples = "overparam runs list --experiment lazy-width --since 7d --where lr=0.1\n"
                "overparam runs show latest\n"
                "overparam runs compare 20260102-030405 latest\n"
                "overparam runs verify latest --rerun",
    .actions = actions,
    .options = options,
    .run = run,
};
