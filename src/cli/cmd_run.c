/* overparam run EXPERIMENT */
#include "cli_int.h"

static const cli_option options[] = {
    {"config", "FILE", "Keys from a YAML or JSON file; flags win over it."},
    {"out", "DIR", "The run folder itself (new or empty). Without it: $OVERPARAM_RUNS or ./runs, one folder a run."},
    {"json", NULL, "The result as one JSON object."},
    {"quiet", NULL, "No progress and no warnings on stderr (warnings stay in the result)."},
    {"resume", NULL, "Continue an interrupted run (refused where an experiment has no checkpoints)."},
    {0},
};

/* A configuration file's settings, with the path for messages. */
typedef struct config {
    ovp_io_setting *settings;
    ovp_idx count;
    const char *path;
} config;

/* The experiment's name may stand behind flags, whose values are only known with its keys: so it is the first argument
 * unless that is a flag, else whichever argument is the name of an experiment. */
static ovp_status find_operand(const ovp_experiment **out, cli_app *cli, int argc, char **argv) {
    for (int i = 0; i < argc; i++)
        if (argv[i][0] != '-' && (i == 0 || ovp_experiment_find(argv[i])))
            return cli_find_experiment(out, cli, argv[i]);
    return ovp_fail(cli->ctx, OVP_EUSAGE, "run: EXPERIMENT is missing; see: overparam list");
}

static ovp_status set_from_config(ovp_params *params, const config *file, const ovp_io_setting *setting) {
    char where[160];
    snprintf(where, sizeof where, "%.120s line %d", file->path, setting->line);
    return ovp_params_set(params, setting->key, setting->value, where, OVP_ECONFIG);
}

static const ovp_io_setting *in_config(const config *file, const ovp_params *params, const char *key) {
    const ovp_param *row = ovp_params_find(params, key);
    for (ovp_idx i = 0; i < file->count; i++)
        if (row && ovp_params_find(params, file->settings[i].key) == row) return &file->settings[i];
    return NULL;
}

/* Which of `seed` and `seeds` a flag overrules in the file: one says what the other does. */
static int overruled(const cli_args *args, const ovp_params *params, const char *key) {
    const ovp_param *row = ovp_params_find(params, key);
    if (!row) return 0;
    return (!strcmp(row->key, "seeds") && cli_key_text(args, "seed")) ||
           (!strcmp(row->key, "seed") && cli_key_text(args, "seeds"));
}

/* defaults < preset < file < flags, whatever their order on the line. */
static ovp_status apply(ovp_params *params, cli_app *cli, const ovp_experiment *experiment, const cli_args *args,
                        const config *file) {
    ovp_status status = OVP_OK;
    const ovp_io_setting *setting = in_config(file, params, "preset");
    const char *preset = cli_key_text(args, "preset");
    if (cli_key_text(args, "seed") && cli_key_text(args, "seeds"))
        return ovp_fail(cli->ctx, OVP_EUSAGE, "--seed and --seeds exclude each other; give one of them");
    if (preset)
        OVP_TRY(ovp_params_set(params, "preset", preset, "--preset", OVP_EUSAGE));
    else if (setting)
        OVP_TRY(set_from_config(params, file, setting));
    if (!preset) preset = setting ? setting->value : NULL;
    if (!preset && ovp_params_find(params, "preset")) preset = ovp_params_text(params, "preset");
    if (preset) OVP_TRY(ovp_experiment_preset_apply(params, cli->ctx, experiment, preset));
    for (ovp_idx i = 0; i < file->count; i++)
        if (&file->settings[i] != setting && !overruled(args, params, file->settings[i].key))
            OVP_TRY(set_from_config(params, file, &file->settings[i]));
    for (int i = 0; i < args->key_count; i++) {
        char flag[80];
        if (!strcmp(args->keys[i].row->key, "preset")) continue;
        snprintf(flag, sizeof flag, "--%s", args->keys[i].row->key);
        OVP_TRY(ovp_params_set(params, args->keys[i].row->key, args->keys[i].text, flag, OVP_EUSAGE));
    }
done:
    return status;
}

static void log_line(void *user, ovp_log_level level, const char *line) {
    cli_progress *progress = user;
    if (level != OVP_LOG_WARNING || progress->cli->silent) return;
    cli_progress_erase(progress);
    cli_complain("overparam: warning: ", line);
}

static int has_rows(const json_t *result) {
    const char *name;
    json_t *table;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(result, "tables"), name, table) {
        if (json_array_size(json_object_get(table, "rows"))) return 1;
    }
    return 0;
}

/* A failure under the run's own context, passed to the program's, with where the finished part lies. */
static ovp_status pass_on(cli_app *cli, const ovp_ctx *from, ovp_status failure, const json_t *result) {
    const char *message = ovp_message(from), *dir = cli_json_text(result, "run_dir");
    const int rows = has_rows(result);
    if (!message[0]) message = ovp_status_text(failure);
    if (failure == OVP_EINTERRUPTED && dir[0])
        return ovp_fail(cli->ctx, failure, "interrupted; %s %s",
                        rows ? "finished rows are kept in" : "no row was finished; the run folder is", dir);
    if (!rows) return ovp_fail(cli->ctx, failure, "%s", message);
    return ovp_fail(cli->ctx, failure, "%s (finished rows are kept in %s)", message, dir);
}

ovp_status cli_compute(json_t **result, cli_app *cli, const ovp_experiment *experiment, const ovp_params *params,
                       const char *out_dir) {
    cli_progress progress = {.cli = cli, .title = experiment->id};
    ovp_ctx_options settings = {.size = sizeof settings, .log = log_line, .user = &progress};
    ovp_ctx *ctx = NULL;
    if (!cli->silent) settings.progress = cli_progress_report;
    if (ovp_params_find(params, "threads")) settings.threads = (int)ovp_params_int(params, "threads");
    ovp_status status = ovp_ctx_create(&ctx, &settings);
    if (status != OVP_OK)
        return ovp_fail(cli->ctx, status, "cannot start %d threads: %s", settings.threads, ovp_status_text(status));
    cli_signals_watch(ctx);
    status = ovp_experiment_execute(result, ctx, experiment, params, NULL, out_dir);
    cli_signals_watch(cli->ctx);
    cli_progress_erase(&progress);
    if (status != OVP_OK) status = pass_on(cli, ctx, status, *result);
    ovp_ctx_free(ctx);
    return status;
}

static ovp_status run(cli_app *cli, int argc, char **argv) {
    cli_args args = {0};
    config file = {0};
    ovp_params *params = NULL;
    json_t *result = NULL;
    const ovp_experiment *experiment;
    ovp_status status;
    OVP_TRY(find_operand(&experiment, cli, argc, argv));
    OVP_TRY(ovp_experiment_params(&params, cli->ctx, experiment));
    OVP_TRY(cli_parse(&args, cli, &cli_command_run, params, argc, argv));
    OVP_TRY(cli_expect_operands(cli, &args, 1, 1));
    cli->silent = cli_value(&args, "quiet") != NULL;
    if (cli_value(&args, "resume")) {
        status = ovp_fail(cli->ctx, OVP_EUSAGE,
                          "--resume: %s writes no checkpoints in this version; run it again without --resume",
                          experiment->id);
        goto done;
    }
    file.path = cli_value(&args, "config");
    if (file.path) OVP_TRY(ovp_io_yaml_read(&file.settings, &file.count, cli->ctx, file.path));
    OVP_TRY(apply(params, cli, experiment, &args, &file));
    status = cli_compute(&result, cli, experiment, params, cli_value(&args, "out"));
    if (result && cli_value(&args, "json")) {
        /* The object tells of a failed run, too: whoever asked for JSON gets it. */
        ovp_status put = cli_put_json(cli, result);
        result = NULL;
        cli->keep_output = put == OVP_OK;
        if (status == OVP_OK) status = put;
    } else if (result && status == OVP_OK) {
        cli_put_result(cli, result);
    }
done:
    json_decref(result);
    ovp_io_settings_free(cli->ctx, file.settings, file.count);
    cli_args_free(cli, &args);
    ovp_params_free(params);
    return status;
}

/* With an experiment on the line, its page; status goes through the context. */
static int help(cli_app *cli, int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        const ovp_experiment *experiment = NULL;
        if (i == 0 && argv[i][0] != '-') {
            if (cli_find_experiment(&experiment, cli, argv[i]) != OVP_OK) return 1;
        } else {
            experiment = ovp_experiment_find(argv[i]);
        }
        if (experiment) {
            (void)cli_help_experiment(cli, experiment); /* the caller reads the context's status */
            return 1;
        }
    }
    return 0;
}

const cli_command cli_command_run = {
    .name = "run",
    .operands = "EXPERIMENT [--preset P] [--KEY VALUE]...",
    .summary = "Run an experiment: tables, figures, verdicts and a report in a run folder.",
    .about =
        "Runs an experiment into a new run folder and prints its tables and verdicts. Every key of the experiment "
        "is a flag; overparam run EXPERIMENT --help lists them with defaults and ranges. Same seed, same bits, for "
        "any number of threads. Ctrl-C keeps what is finished (exit code 130); a second one stops at once.",
    .examples = "overparam run lazy-width --preset quick\n"
                "overparam run lazy-width --widths 10,100,1000 --seeds 1..5 --json",
    .options = options,
    .run = run,
    .help = help,
};
