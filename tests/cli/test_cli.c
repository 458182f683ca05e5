/* The built program from outside: exit codes, what stands on stdout and stderr, JSON, runs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

extern char **environ;

#define PROGRAM OVP_BUILD_DIR "/overparam"
#define OUTPUT_BYTES (1 << 20)

/* ---- running the program -------------------------------------------------------------------------- */

static char folder[64]; /* everything the tests write */

typedef struct outcome {
    int code; /* exit code, 1000 + signal if it died of one */
    char out[OUTPUT_BYTES], err[OUTPUT_BYTES];
} outcome;

static void slurp(const char *path, char *out) {
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(out, 1, OUTPUT_BYTES - 1, file) : 0;
    out[n] = '\0';
    if (file) fclose(file);
}

/* Splits a command line at blanks; '@' stands for the tests' folder. Pieces live in `space`. */
static int split(const char *line, char *space, size_t bytes, char **argv, int most) {
    int argc = 0;
    size_t used = 0;
    argv[argc++] = (char *)(uintptr_t)PROGRAM;
    for (const char *c = line; *c;) {
        while (*c == ' ') c++;
        if (!*c) break;
        assert_true(argc < most - 1);
        argv[argc++] = space + used;
        for (; *c && *c != ' '; c++) {
            int n = *c == '@' ? snprintf(space + used, bytes - used, "%s/", folder)
                              : snprintf(space + used, bytes - used, "%c", *c);
            used += (size_t)n;
            assert_true(used + 2 < bytes);
        }
        space[used++] = '\0';
    }
    argv[argc] = NULL;
    return argc;
}

/* out_path: where stdout goes; NULL closes it. */
static pid_t start(const char *line, const char *out_path, const char *err_path) {
    char space[4096], *argv[64];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    split(line, space, sizeof space, argv, 64);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (out_path)
        posix_spawn_file_actions_addopen(&actions, 1, out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    else
        posix_spawn_file_actions_addclose(&actions, 1);
    posix_spawn_file_actions_addopen(&actions, 2, err_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int failed = posix_spawn(&pid, PROGRAM, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) fail_msg("%s: %s", PROGRAM, strerror(failed));
    return pid;
}

static int finish(pid_t pid) {
    int wait_status;
    while (waitpid(pid, &wait_status, 0) < 0) assert_int_equal(errno, EINTR);
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 1000 + WTERMSIG(wait_status);
}

/* One outcome at a time: it is large. */
static outcome *run(const char *line) {
    static outcome o;
    char out[96], err[96];
    snprintf(out, sizeof out, "%s/stdout", folder);
    snprintf(err, sizeof err, "%s/stderr", folder);
    o.code = finish(start(line, out, err));
    slurp(out, o.out);
    slurp(err, o.err);
    return &o;
}

/* Every piece of `words` (split at '|') stands in text. */
static void expect_words(const char *line, const char *text, const char *words) {
    char copy[512], *save = NULL;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, "|", &save); word; word = strtok_r(NULL, "|", &save))
        if (!strstr(text, word)) fail_msg("overparam %s: '%s' is missing in: %s", line, word, text);
}

/* Exactly one line, with the program's name in front. */
static void expect_one_line(const char *line, const char *err) {
    const char *end = strchr(err, '\n');
    if (strncmp(err, "overparam: ", 11) || !end || end[1])
        fail_msg("overparam %s: stderr is not one line: %s", line, err);
}

static void expect_failure(const char *line, int code, const char *words) {
    const outcome *o = run(line);
    if (o->code != code) fail_msg("overparam %s: exit %d instead of %d: %s", line, o->code, code, o->err);
    if (o->out[0]) fail_msg("overparam %s: stdout is not empty: %s", line, o->out);
    expect_one_line(line, o->err);
    expect_words(line, o->err, words);
}

static const char *expect_success(const char *line) {
    const outcome *o = run(line);
    if (o->code) fail_msg("overparam %s: exit %d: %s", line, o->code, o->err);
    if (!o->out[0]) fail_msg("overparam %s: stdout is empty", line);
    return o->out;
}

/* The whole of stdout is one JSON object; new reference. */
static json_t *parse(const char *line, const char *text) {
    json_error_t error;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) fail_msg("overparam %s: no JSON object: %s in %s", line, error.text, text);
    return object;
}

static json_t *expect_json(const char *line) {
    json_t *object = parse(line, expect_success(line));
    assert_int_equal(json_integer_value(json_object_get(object, "schema")), 1);
    return object;
}

static void write_file(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int setup(void **state) {
    char runs[80];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/overparam-cli-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(runs, sizeof runs, "%s/runs", folder);
    setenv("OVERPARAM_RUNS", runs, 1);
    unsetenv("OVERPARAM_ISA");
    write_file("good.yaml", "widths: [12, 14]\nepochs: 3\nseeds: 1..2\n");
    write_file("t.csv", "a,b\n1,2\n3,4\n");
    write_file("key.yaml", "epochs: 3\nwidhts: 10\n");
    write_file("range.yaml", "# a comment\nepochs: 3\nwidths: [10, 0]\n");
    write_file("syntax.yaml", "widths: [10,\n");
    write_file("preset.yaml", "preset: nonsense\n");
    return 0;
}

static int teardown(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- errors --------------------------------------------------------------------------------------- */

static const struct {
    const char *line;
    int code;
    const char *words;
} failures[] = {
    /* commands and options */
    {"nonsense", 2, "unknown command|nonsense|overparam help"},
    {"lst", 2, "unknown command|did you mean 'list'"},
    {"lazy-width", 2, "is an experiment|overparam run lazy-width"},
    {"--nonsense", 2, "--nonsense|unknown option"},
    {"list --jsno", 2, "--jsno|did you mean --json"},
    {"list -j", 2, "-j|two dashes"},
    {"list extra", 2, "extra|too many"},
    {"list --json --json", 2, "--json|twice"},
    {"list --json=yes", 2, "--json|takes no value"},
    {"list --=3", 2, "--=3|unknown option"},
    {"help nonsense", 2, "nonsense"},
    {"info", 2, "EXPERIMENT is missing"},
    {"info lazy-widht", 2, "lazy-widht|did you mean 'lazy-width'"},
    {"info lazy", 2, "did you mean 'lazy-width'"},
    {"info --all", 2, "--markdown"},
    {"doctor extra", 2, "too many"},
    {"data shwo", 2, "shwo|did you mean 'show'"},
    {"data show", 2, "NAME"},
    {"data show mnits", 2, "mnits|did you mean 'mnist'"},
    {"data show mnist --sample -1", 2, "--sample|-1"},
    {"data show mnist --sample 1e9", 2, "--sample|0..59999"},
    {"data verify nonsense", 2, "nonsense"},
    {"data verify linear", 2, "linear|drawn"},
    {"data fetch", 2, "NAME"},
    {"data fetch cifra10", 2, "did you mean 'cifar10'"},
    {"data fetch mnist", 1, "mnist|cannot be fetched"},
    {"data import somewhere", 2, "--out FILE"},
    {"data import /nonexistent --out x.npz", 3, "/nonexistent"},
    {"data show npz", 2, "did you mean 'npz:FILE'"},
    {"data show npz:/nonexistent", 3, "/nonexistent"},
    {"data show mnist --limit x", 2, "--limit|'x'"},
    {"data show mnist --classes 3,x", 2, "--classes|'x'"},
    {"data show mnist --classes 3,10", 2, "class 10|0 to 9"},
    {"data show mnist --resize 8x", 2, "--resize|'8x'"},
    {"data show mnist --split .5,.5", 2, "--split|three shares"},
    {"data show mnist --channels 7", 2, "images of 7 channels"},
    {"data show mnist --scale pixels", 2, "--scale|raw, unit or standard"},
    {"data show mnist --normalise .5", 2, "--normalise|means:deviations"},
    {"data show mnist --normalise .5,.5:.1", 2, "--normalise|as many"},
    {"data show mnist --rng dice", 2, "--rng|'dice'"},
    {"data show linear --flip .5", 2, "--flip|synthetic"},
    {"data show linear --sigma 3", 2, "--sigma: not of the set linear|--bias-scale"},
    {"data show middle --features 3", 2, "--features: not of the set middle|--low, --high"},
    {"data show mnist --noise 1", 2, "--noise: mnist is read, not drawn"},
    {"data show linear --noise -1", 2, "noise -1|0 or more"},
    {"data show linear --inputs even", 2, "--inputs: 'even'|gaussian or uniform"},
    {"data show linear --features 2 --weights 1", 2, "--weights: '1'|features x outputs"},
    {"data import somewhere --out x.npz --flip .5", 2, "data import: --flip belongs to data show"},
    {"data list --limit 3", 2, "data list: --limit belongs to data show, import"},
    {"data fetch cifar10 --resize 8", 2, "--resize belongs to data show, import"},
    {"run lazy-width --dataset linear", 2, "--dataset linear: has real targets|mnist"},
    {"run lazy-width --split .5,.5", 2, "--split|three shares"},
    {"run lazy-width --resize 8x", 2, "--resize|'8x'"},
    {"data show linear --limit 5 --sample 5", 2, "--sample|0..4"},
    {"runs show", 2, "ID"},
    {"runs rm", 2, "ID"},
    {"runs show nonsense", 3, "nonsense"},
    {"runs compare", 2, "two IDs"},
    {"runs compare latest", 2, "two IDs"},
    {"runs verify nonsense", 3, "nonsense"},
    {"runs verify --rerun", 2, "--rerun|name the runs"},
    {"runs list --status done", 2, "--status|done|complete"},
    {"runs list --since yesterday", 2, "--since|yesterday|7d"},
    {"runs list --since 2026-13-01", 2, "--since|2026-13-01"},
    {"runs list --where lr", 2, "--where|KEY=VALUE"},
    {"runs list --where lr=1;", 2, "--where|KEY=VALUE"},
    {"runs list --limit 0", 2, "--limit|0"},
    {"runs show latest --limit 3", 2, "--limit belongs to runs list"},
    {"runs list --rerun", 2, "--rerun belongs to runs verify"},
    {"info --all --man --markdown", 2, "--man"},
    {"runs rm nonsense", 3, "nonsense"},
    /* run: experiment, keys, values */
    {"run", 2, "EXPERIMENT is missing|overparam list"},
    {"run --json", 2, "EXPERIMENT is missing"},
    {"run lazy-widht", 2, "did you mean 'lazy-width'"},
    {"run zzzzzzzz", 2, "unknown experiment|overparam list"},
    {"run lazy-widht --help", 2, "did you mean 'lazy-width'"},
    {"run lazy-width extra", 2, "extra|too many"},
    {"run lazy-width --widht 10", 2, "--widht|did you mean --widths"},
    {"run lazy-width --pre quick", 2, "did you mean --pre"},
    {"run lazy-width --zzzzzzz 10", 2, "--zzzzzzz|unknown option|--help"},
    {"run lazy-width --widths", 2, "--widths|value is missing"},
    {"run lazy-width --widths --json", 2, "--widths|value is missing"},
    {"run lazy-width --widths=", 2, "--widths|empty"},
    {"run lazy-width --widths 10,,20", 2, "--widths|empty"},
    {"run lazy-width --widths 0", 2, "--widths|0 is outside 1..1000000"},
    {"run lazy-width --widths -5", 2, "--widths|-5 is outside"},
    {"run lazy-width --widths 1e9", 2, "--widths|1000000000|GiB"},
    {"run lazy-width --widths 1e10", 2, "--widths|10000000000 is outside 1..1000000000"},
    {"run lazy-width --widths ten", 2, "--widths|ten|not an integer"},
    {"run lazy-width --widths 20..10", 2, "--widths|20..10"},
    {"run lazy-width --widths log:1:100", 2, "--widths|log:A:B:N"},
    {"run lazy-width --widths 10 --widths=20", 2, "--widths|twice"},
    {"run lazy-width --widths 10 --epochs 0", 2, "--epochs|0"},
    {"run lazy-width --lr nan", 2, "--lr|nan"},
    {"run lazy-width --threads 1000", 2, "--threads|0..256"},
    {"run lazy-width --precision f16", 2, "--precision|f32|f64"},
    {"run lazy-width --rng pytorch", 2, "--rng|philox|torch|numpy"},
    {"run lazy-width --engine gem", 2, "--engine|did you mean gemm"},
    {"run lazy-width --seed 1.5", 2, "--seed|not an integer"},
    {"run lazy-width --seed", 2, "--seed|value is missing"},
    {"run lazy-width --seeds 1,2,x", 2, "--seeds|x|not an integer"},
    {"run lazy-width --seeds 0..10000000", 2, "--seeds|more than 1000000"},
    {"run lazy-width --seed 1 --seeds 1..3", 2, "--seed|--seeds|one of them"},
    {"run lazy-width --preset qiuck", 2, "--preset|did you mean quick"},
    {"run lazy-width --resume", 2, "--resume|no checkpoints"},
    {"run lazy-width --config", 2, "--config|FILE"},
    /* configuration files and folders */
    {"run lazy-width --dataset csv:@t.csv --samples 2 --test-samples 0", 2, "t.csv|needs labels|test part"},
    {"run lazy-width --dataset npz:@missing.npz", 3, "missing.npz"},
    {"run lazy-width --config @missing.yaml", 3, "missing.yaml"},
    {"run lazy-width --config @key.yaml", 3, "key.yaml line 2|widhts|did you mean 'widths'"},
    {"run lazy-width --config @range.yaml", 3, "range.yaml line 3|widths|0 is outside"},
    {"run lazy-width --config @syntax.yaml", 3, "syntax.yaml|line"},
    {"run lazy-width --config @preset.yaml", 3, "preset.yaml line 1|nonsense"},
    {"run lazy-width --out @good.yaml/inside", 1, "good.yaml"},
};

static void test_failures(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        expect_failure(failures[i].line, failures[i].code, failures[i].words);
}

/* What the user typed cannot break the one line. */
static void test_control_characters(void **state) {
    (void)state;
    expect_failure("run lazy-width --widths 1\n2\033[31m", 2, "--widths");
    expect_failure("one\ntwo", 2, "unknown command");
}

static void test_no_command(void **state) {
    (void)state;
    const outcome *o = run("");
    assert_int_equal(o->code, 2);
    assert_string_equal(o->out, "");
    expect_words("", o->err, "run|list|doctor|overparam COMMAND --help");
}

static void test_bad_isa(void **state) {
    (void)state;
    setenv("OVERPARAM_ISA", "v9", 1);
    expect_failure("list", 2, "OVERPARAM_ISA|v9|base");
    unsetenv("OVERPARAM_ISA");
}

/* A full disk, a closed stream, a reader that has gone away: exit 1 with one line, no death by SIGPIPE. */
static void test_broken_stdout(void **state) {
    static char text[OUTPUT_BYTES];
    char err[96], fifo[96];
    (void)state;
    snprintf(err, sizeof err, "%s/stderr", folder);
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (int i = 0; i < 3; i++) {
        int reader = i == 2 ? open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1; /* lets the program open its end */
        pid_t pid = start(i == 2 ? "doctor" : "list", i == 0 ? "/dev/full" : i == 1 ? NULL : fifo, err);
        if (reader >= 0) close(reader); /* the program has it open; it looks for gnuplot before it writes */
        assert_int_equal(finish(pid), 1);
        slurp(err, text);
        expect_one_line("(broken stdout)", text);
        expect_words("(broken stdout)", text, "stdout");
    }
}

/* ---- pages and JSON ------------------------------------------------------------------------------- */

static void test_pages(void **state) {
    (void)state;
    static const struct {
        const char *line, *words;
    } pages[] = {
        {"--version", "overparam 0."},
        {"--help", "Commands:|doctor"},
        {"-h", "Commands:"},
        {"help", "Commands:"},
        {"help run", "Usage: overparam run EXPERIMENT|--config FILE"},
        {"help lazy-width", "--widths|Presets"},
        {"list", "lazy-width"},
        {"list --help", "Usage: overparam list"},
        {"info lazy-width", "lazy-width|Formula|Keys|--widths|quick|paper"},
        {"info --help", "Usage: overparam info EXPERIMENT"},
        {"run --help", "--config FILE|--quiet"},
        {"run lazy-width --help", "--widths|default|1..1000000|Presets|--seeds|Examples|log:"},
        {"run --epochs 3 lazy-width --help", "--widths"},
        {"data --help", "show NAME|verify"},
        {"data", "mnist"},
        {"data list", "mnist|60000|cifar10|imagefolder:DIR|npz:FILE|linear|teacher"},
        {"data show mnist --limit 10 --classes 3,8 --resize 14 --flip .5 --crop 2 --normalise train",
         "10 x 196|14 x 14|Options|--flip .5"},
        {"data show csv:@t.csv --target-columns b", "2 x 1, targets 2 x 1|Path|inputs: 1|targets: 2"},
        {"data show linear --limit 30 --noise 2 --inputs uniform --low 1 --high 3 --bias 5 --weights -1.5 --seed 4",
         "30 x 1|noise|2|uniform|low|samples *, without noise ."},
        {"data show sinusoidal --variant published --noise 7", "noise|0.1|variant|published"},
        {"data show sin --limit 50", "50 x 1|noise|without noise|against x"},
        {"data show teacher --seed 3 --rng torch", "4000 x 5|activation|tanh"},
        {"data show mnist --sample 3", "mnist|60000 x 784|class|label 1|@"},
        {"runs --help", "rm ID..."},
        {"doctor", "Processor|BLAS|Memory|PNG images|JPEG images|mnist|Run folders"},
        {"runs --help", "verify [ID]...|--rerun|--where KEY=VALUE"},
        {"info --all --man", ".TH OVERPARAM 1|.SS overparam run|.SS lazy\\-width|\\fB\\-\\-widths\\fR|.SH ENVIRONMENT"},
        {"info --all --markdown", "# Command line|## overparam run|### lazy-width|`--widths`|--save-weights"},
    };
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        expect_words(pages[i].line, expect_success(pages[i].line), pages[i].words);
}

static void test_json(void **state) {
    (void)state;
    json_t *o = expect_json("list --json");
    assert_true(json_array_size(json_object_get(o, "experiments")) >= 1);
    json_decref(o);
    o = parse("info", expect_success("info lazy-width --json"));
    assert_string_equal(json_string_value(json_object_get(o, "id")), "lazy-width");
    assert_true(json_array_size(json_object_get(o, "params")) > 5);
    json_decref(o);
    o = expect_json("doctor --json");
    assert_true(json_is_string(json_object_get(o, "blas")));
    assert_true(json_integer_value(json_object_get(o, "threads")) >= 1);
    assert_true(json_is_true(json_object_get(o, "runs_writable")));
    assert_non_null(json_object_get(o, "png"));
    assert_non_null(json_object_get(o, "jpeg"));
    assert_true(json_is_array(json_object_get(o, "warnings")));
    json_decref(o);
    o = expect_json("data list --json");
    assert_true(json_array_size(json_object_get(o, "data")) >= 2);
    json_decref(o);
    o = expect_json("data show mnist --json");
    assert_int_equal(json_integer_value(json_object_get(o, "train")), 60000);
    /* LeCun's counts: 5923 zeros; 19.1 % of the training pixels are not 0 (DESIGN 3: 19 %) */
    assert_int_equal(json_integer_value(json_array_get(json_object_get(o, "train_per_class"), 0)), 5923);
    assert_true(json_real_value(json_object_get(o, "density")) > 0.19);
    assert_true(json_real_value(json_object_get(o, "density")) < 0.192);
    json_decref(o);
    o = expect_json("data show linear --seed 3 --rng numpy --json");
    assert_int_equal(json_integer_value(json_object_get(o, "train")), 1000);
    assert_true(json_is_real(json_array_get(json_object_get(o, "x"), 0)));
    json_decref(o);
    o = expect_json("data verify mnist --json");
    assert_int_equal(json_array_size(json_object_get(o, "data")), 1);
    json_decref(o);
    o = expect_json("runs --json");
    assert_true(json_is_array(json_object_get(o, "runs")));
    json_decref(o);
}

/* ---- runs ----------------------------------------------------------------------------------------- */

/* {"a":..., ...} member of the params of a result, as text. */
static void expect_param(const json_t *result, const char *key, const char *text) {
    char *dump = json_dumps(json_object_get(json_object_get(result, "params"), key), JSON_ENCODE_ANY | JSON_COMPACT);
    if (!dump || strcmp(dump, text)) fail_msg("parameter %s is %s instead of %s", key, dump ? dump : "absent", text);
    free(dump);
}

static void test_run(void **state) {
    static const char line[] = "run lazy-width --widths 10,12 --epochs 3 --rng torch --seed -1 --json --quiet";
    char id[64], command[160];
    (void)state;
    json_t *o = expect_json(line);
    assert_string_equal(json_string_value(json_object_get(o, "status")), "complete");
    expect_param(o, "seed", "-1");
    json_t *rows = json_object_get(json_object_get(json_object_get(o, "tables"), "widths"), "rows");
    assert_int_equal(json_array_size(rows), 2);
    assert_true(json_is_array(json_object_get(o, "verdicts")));
    const char *dir = json_string_value(json_object_get(o, "run_dir"));
    assert_non_null(dir);
    assert_int_equal(access(dir, R_OK), 0);
    assert_int_equal(run(line)->err[0], '\0'); /* --quiet */
    snprintf(id, sizeof id, "%s", strrchr(dir, '/') + 1);
    json_decref(o);

    expect_words("runs", expect_success("runs"), id);
    snprintf(command, sizeof command, "runs show %s", id);
    expect_words(command, expect_success(command), "complete|widths|manifest.json|tables/widths.csv");
    snprintf(command, sizeof command, "runs show %s --json", id);
    o = expect_json(command);
    assert_string_equal(json_string_value(json_object_get(json_object_get(o, "manifest"), "experiment")), "lazy-width");
    json_decref(o);
    /* a wrong id among right ones removes nothing */
    snprintf(command, sizeof command, "runs rm %s nonsense", id);
    expect_failure(command, 3, "nonsense");
    expect_words("runs", expect_success("runs"), id);
    snprintf(command, sizeof command, "runs rm %s %s", id, id);
    expect_words(command, expect_success(command), "removed |");
    assert_null(strstr(expect_success("runs --json"), id));
    expect_words("runs show latest", expect_success("runs show latest"), "complete");
}

static void test_run_for_people(void **state) {
    (void)state;
    const outcome *o = run("run lazy-width --widths 10,12 --epochs 2 --out @here");
    assert_int_equal(o->code, 0);
    expect_words("run", o->out, "relative_change|Run folder|/here|Took|report.html|file:///");
    assert_null(strchr(o->out, '\033')); /* no colours into a file */
    assert_null(strchr(o->err, '\r'));
    expect_failure("run lazy-width --widths 10 --epochs 2 --out @here", 1, "here");
}

/* defaults < preset < file < flags, whatever their order on the line */
static void test_precedence(void **state) {
    (void)state;
    static const char *const lines[] = {
        "run lazy-width --epochs=2 --config @good.yaml --preset quick --json --quiet",
        "run --preset quick --json --config @good.yaml lazy-width --epochs 2 --quiet",
    };
    for (int i = 0; i < 2; i++) {
        json_t *o = expect_json(lines[i]);
        expect_param(o, "preset", "\"quick\"");
        expect_param(o, "widths", "[12,14]");
        expect_param(o, "epochs", "2");
        expect_param(o, "seeds", "[1,2]");
        assert_int_equal(json_array_size(json_object_get(o, "seeds")), 2);
        json_decref(o);
    }
    /* a flag's seed overrules the file's seeds; '_' for '-'; ranges */
    json_t *o = expect_json("run lazy-width --config @good.yaml --seed 7 --data_seed=3 --widths 10..12 --json --quiet");
    expect_param(o, "widths", "[10,11,12]");
    expect_param(o, "data-seed", "3");
    assert_int_equal(json_array_size(json_object_get(o, "seeds")), 1);
    json_decref(o);
}

static void test_same_bits(void **state) {
    (void)state;
    json_t *one = expect_json("run lazy-width --widths 10,33 --epochs 4 --seed 5 --threads 1 --json --quiet");
    json_t *two = expect_json("run lazy-width --widths 10,33 --epochs 4 --seed 5 --threads 2 --json --quiet");
    assert_true(json_equal(json_object_get(json_object_get(one, "tables"), "widths"),
                           json_object_get(json_object_get(two, "tables"), "widths")));
    json_decref(one);
    json_decref(two);
}

/* ---- comparing and verifying ---------------------------------------------------------------------- */

/* Replaces the first `from` in a file by `to` of the same length. */
static void patch_file(const char *name, const char *from, const char *to) {
    char path[160], text[OUTPUT_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    slurp(path, text);
    char *at = strstr(text, from);
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    write_file(name, text);
}

static void test_compare(void **state) {
    (void)state;
    assert_int_equal(
        run("run lazy-width --samples 64 --test-samples 100 --widths 10,12 --epochs 2 --seed 1 --out @a --quiet")->code,
        0);
    assert_int_equal(
        run("run lazy-width --samples 64 --test-samples 100 --widths 10,12 --epochs 2 --seed 1 --out @b --quiet")->code,
        0);
    assert_int_equal(
        run("run lazy-width --samples 64 --test-samples 100 --widths 10,14 --epochs 3 --seed 1 --out @c --quiet")->code,
        0);
    json_t *o = expect_json("runs compare @a @b --json");
    assert_int_equal(json_object_size(json_object_get(o, "params")), 0);
    assert_int_equal(json_object_size(json_object_get(o, "environment")), 0);
    json_t *table = json_object_get(json_object_get(o, "tables"), "widths");
    assert_int_equal(json_array_size(json_object_get(table, "rows")), 2);
    assert_int_equal(json_integer_value(json_object_get(table, "equal")), 2);
    assert_null(json_object_get(json_object_get(o, "tables"), "timings"));
    json_decref(o);
    o = expect_json("runs compare @a @c --json");
    json_t *epochs = json_object_get(json_object_get(o, "params"), "epochs");
    assert_int_equal(json_integer_value(json_array_get(epochs, 0)), 2);
    assert_int_equal(json_integer_value(json_array_get(epochs, 1)), 3);
    table = json_object_get(json_object_get(o, "tables"), "widths");
    assert_int_equal(json_array_size(json_object_get(table, "rows")), 1); /* width 10 */
    assert_int_equal(json_array_size(json_array_get(json_object_get(table, "only"), 1)), 1);
    json_decref(o);
    expect_words("runs compare", expect_success("runs compare @a @c"),
                 "epochs|Environment|the same|joined on width|final_loss|B-A|Verdicts");
    expect_words("runs compare", expect_success("runs compare @a @b @c"), "C-A");
    patch_file("c/manifest.json", "\"experiment\": \"lazy-width\"", "\"experiment\": \"busy-width\"");
    expect_failure("runs compare @a @c", 2, "different experiments|busy-width|--params");
    expect_words("runs compare", expect_success("runs compare @a @c --params"), "epochs");
}

static void test_verify(void **state) {
    (void)state;
    assert_int_equal(
        run("run lazy-width --samples 64 --test-samples 100 --widths 10,12 --epochs 2 --seeds 1..2 --out @v --quiet")
            ->code,
        0);
    expect_words("runs verify", expect_success("runs verify @v"), "ok |files as the manifest says");
    expect_words("runs verify", expect_success("runs verify @v --rerun"), "ok |run again|bit for bit, all the same");
    /* Keys whose defaults belong to the standard parametrisation come back out of the manifest, too. */
    assert_int_equal(run("run lazy-width --samples 64 --test-samples 100 --widths 10,12 --epochs 2 --seed 1 "
                         "--parametrization mup --out @m --quiet")
                         ->code,
                     0);
    expect_words("runs verify", expect_success("runs verify @m --rerun"), "bit for bit, all the same");
    json_t *o = expect_json("runs verify @v --rerun --json");
    assert_true(json_is_true(json_object_get(o, "ok")));
    json_t *again = json_object_get(json_array_get(json_object_get(o, "runs"), 0), "rerun");
    assert_true(json_is_true(json_object_get(again, "same")));
    assert_true(json_array_size(json_object_get(again, "compared")) >= 4);
    json_decref(o);
}

/* The load options are keys of the experiment: 8 x 8 images of three digits, split and flipped at random, the same
 * when it is run again. */
static void test_run_with_load_options(void **state) {
    (void)state;
    expect_success(
        "run lazy-width --samples 90 --test-samples 60 --classes 3,5,8 --resize 8 --crop 1 --flip .5 --fraction "
        ".5 --split .8,.2,0 --normalise train --widths 10,12 --epochs 2 --seed 3 --out @o --quiet");
    char path[160], text[OUTPUT_BYTES];
    snprintf(path, sizeof path, "%s/o/manifest.json", folder);
    slurp(path, text);
    expect_words(path, text, "\"train\": 36,|\"test\": 60,|\"image_rows\": 8,"); /* 90 / 2 * .8 */
    expect_words("runs verify", expect_success("runs verify @o --rerun"), "bit for bit, all the same");
}

/* What a run of another computation looks like: its sums fit, its numbers do not. */
static void test_verify_faults(void **state) {
    (void)state;
    char path[160];
    assert_int_equal(
        run("run lazy-width --samples 64 --test-samples 100 --widths 10,12 --epochs 2 --seed 3 --out @w --quiet")->code,
        0);
    patch_file("w/tables/widths.csv", "\n10,3,0,", "\n10,3,1,");
    const outcome *o = run("runs verify @w");
    assert_int_equal(o->code, 1);
    expect_words("runs verify", o->out, "FAULT|changed     tables/widths.csv: other content");
    expect_one_line("runs verify", o->err);
    write_file("w/tables/widths.csv", "width,seed\n10\n");
    o = run("runs verify @w");
    assert_int_equal(o->code, 3);
    expect_words("runs verify", o->out, "unreadable  tables/widths.csv");
    snprintf(path, sizeof path, "%s/w/arrays.npz", folder);
    assert_int_equal(unlink(path), 0);
    o = run("runs verify @w --json");
    assert_int_equal(o->code, 3);
    json_t *report = parse("runs verify", o->out);
    assert_true(json_is_false(json_object_get(report, "ok")));
    json_decref(report);
    /* Run with other parameters than the manifest says (as a change of the program would): the sums fit. */
    assert_int_equal(
        run("run lazy-width --samples 64 --test-samples 100 --widths 10,12 --epochs 2 --seed 3 --out @x --quiet")->code,
        0);
    patch_file("x/manifest.json", "\"epochs\": 2", "\"epochs\": 3");
    o = run("runs verify @x --rerun");
    assert_int_equal(o->code, 1);
    expect_words("runs verify", o->out, "ok |not the same|differs   tables/widths.csv, row 1 (width 10), column");
    expect_words("runs verify", o->err, "x: run again, tables/");
}

/* ---- manual page and completion ------------------------------------------------------------------- */

static void test_complete(void **state) {
    (void)state;
    static const struct {
        const char *line, *all; /* the whole of stdout */
    } cases[] = {
        {"help --complete -- ru", "run\nruns\n"},
        {"help --complete -- run lazy-w", "lazy-width\n"},
        {"help --complete -- run lazy-width --wid", "--widths\n"},
        {"help --complete -- run lazy-width --preset q", "quick\n"},
        {"help --complete -- run --epochs 3 lazy-width --precision f", "f32\nf64\n"},
        {"help --complete -- run lazy-width --config x", "@files\n"},
        {"help --complete -- run lazy-width --out x", "@files\n"},
        {"help --complete -- run lazy-width --epochs 1", ""},
        {"help --complete -- runs ver", "verify\n"},
        {"help --complete -- runs show lat", "latest\n"},
        {"help --complete -- runs compare latest lat", "latest\n"},
        {"help --complete -- runs show latest lat", ""},
        {"help --complete -- runs list --status c", "complete\n"},
        {"help --complete -- runs list --experiment lazy-w", "lazy-width\n"},
        {"help --complete -- data show fash", "fashion-mnist\n"},
        {"help --complete -- data show m", "mnist\nmiddle\n"},
        {"help --complete -- data fetch m", "mnist\n"},
        {"help --complete -- data show linear --inputs u", "uniform\n"},
        {"help --complete -- help doc", "doctor\n"},
        {"help --complete -- nonsense x", ""},
        {"help --complete -- list --he", "--help\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const outcome *o = run(cases[i].line);
        if (o->code || strcmp(o->out, cases[i].all))
            fail_msg("overparam %s: exit %d, '%s' instead of '%s'", cases[i].line, o->code, o->out, cases[i].all);
    }
    /* nothing typed yet */
    expect_words("help --complete --", expect_success("help --complete --"), "list\n|doctor\n|--version\n");
}

/* Ctrl-C once the first row is on disk: exit 130, one line, JSON that says interrupted, the row kept. */
static void test_interrupt(void **state) {
    static char text[OUTPUT_BYTES];
    char out[96], err[96], metrics[96];
    struct stat info;
    (void)state;
    snprintf(out, sizeof out, "%s/stdout", folder);
    snprintf(err, sizeof err, "%s/stderr", folder);
    snprintf(metrics, sizeof metrics, "%s/stopped/metrics.jsonl", folder);
    pid_t pid = start("run lazy-width --widths 10,20000 --samples 64 --test-samples 100 --epochs 2000 --seed 1 --json "
                      "--quiet --out @stopped",
                      out, err);
    for (int i = 0; i < 1000 && (stat(metrics, &info) || info.st_size == 0); i++) usleep(20000);
    kill(pid, SIGINT);
    assert_int_equal(finish(pid), 130);
    slurp(err, text);
    expect_one_line("run (interrupted)", text);
    expect_words("run (interrupted)", text, "interrupted; finished rows are kept|stopped");
    slurp(out, text);
    json_t *o = parse("run (interrupted)", text);
    assert_string_equal(json_string_value(json_object_get(o, "status")), "interrupted");
    json_t *rows = json_object_get(json_object_get(json_object_get(o, "tables"), "widths"), "rows");
    assert_int_equal(json_array_size(rows), 1);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(rows, 0), 0)), 10);
    json_decref(o);
}

/* ---- terminals ------------------------------------------------------------------------------------ */

/* stdout and stderr of a command on a terminal of 100 columns. */
static const char *on_terminal(const char *line) {
    static char text[OUTPUT_BYTES];
    struct winsize size = {.ws_row = 30, .ws_col = 100};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0) skip(); /* a container without /dev/pts has no terminals to test on */
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
    const char *slave = ptsname(master);
    pid_t pid = start(line, slave, slave);
    size_t used = 0;
    ssize_t n;
    while (used + 1 < sizeof text && (n = read(master, text + used, sizeof text - 1 - used)) > 0) used += (size_t)n;
    text[used] = '\0';
    assert_int_equal(finish(pid), 0);
    close(master);
    return text;
}

static void test_terminal(void **state) {
    static const char line[] = "run lazy-width --widths 10,12 --epochs 60 --seed 1";
    static const char bar[] = "\r\033[K", colour[] = "\033[1m";
    (void)state;
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    const char *text = on_terminal(line);
    expect_words(line, text, "[|%|/60|loss|Run folder");
    assert_non_null(strstr(text, bar)); /* taken away at the end */
    assert_non_null(strstr(text, colour));
    setenv("NO_COLOR", "1", 1);
    text = on_terminal(line);
    assert_non_null(strstr(text, bar));
    assert_null(strstr(text, colour));
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    assert_null(strchr(on_terminal(line), '\033'));
    setenv("TERM", "xterm", 1);
    assert_null(strstr(on_terminal("run lazy-width --widths 10 --epochs 60 --seed 1 --quiet"), "\033[K"));
    /* JSON for a reader is indented, and still one object */
    json_decref(parse("list --json", on_terminal("list --json")));
}

/* ---- what is missing on the machine ---------------------------------------------------------------- */

static void test_without_gnuplot(void **state) {
    (void)state;
    char *path = strdup(getenv("PATH"));
    setenv("PATH", folder, 1);
    setenv("OPENBLAS_CORETYPE", "Haswell", 1);
    expect_words("doctor", expect_success("doctor"), "no gnuplot|gnuplot-nox|OPENBLAS_CORETYPE=Haswell");
    json_t *o = expect_json("doctor --json");
    assert_true(json_is_null(json_object_get(o, "gnuplot")));
    assert_true(json_array_size(json_object_get(o, "warnings")) >= 2);
    json_decref(o);
    unsetenv("OPENBLAS_CORETYPE");
    setenv("PATH", path, 1);
    free(path);
}

static void test_unwritable_runs(void **state) {
    (void)state;
    char runs[80];
    snprintf(runs, sizeof runs, "%s", getenv("OVERPARAM_RUNS"));
    setenv("OVERPARAM_RUNS", "/dev/null/runs", 1);
    expect_failure("run lazy-width --widths 10 --epochs 1", 1, "/dev/null");
    expect_words("doctor", expect_success("doctor"), "not writable|OVERPARAM_RUNS");
    setenv("OVERPARAM_RUNS", runs, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_no_command),
        cmocka_unit_test(test_bad_isa),
        cmocka_unit_test(test_broken_stdout),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_run_for_people),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_run_with_load_options),
        cmocka_unit_test(test_verify_faults),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_without_gnuplot),
        cmocka_unit_test(test_unwritable_runs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
