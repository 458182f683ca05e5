/* overparam kernel gram|fit|predict|spectrum */
#include "cli_kernel.h"

static const cli_action actions[] = {
    {"gram", "X [Z]", "The kernel matrix of the rows of X (and of Z) as a file."},
    {"fit", "X Y", "Kernel regression of the targets or labels Y on the points X, into a model file."},
    {"predict", "MODEL X [Y]", "The model at the points X; with the truth Y its error; at any time of training."},
    {"spectrum", "X", "The largest eigenvalues of the kernel matrix of X, and their decay."},
    {0},
};

static const cli_option options[] = {
#define KEY(key, value, type, fallback, least, most, choices, kernels, help) {key, value, "gram, fit, spectrum: " help},
#define JOB(key, value, type, fallback, least, most, choices, whose, help) {key, value, whose ": " help},
    CLI_KERNEL_KEYS(KEY) CLI_KERNEL_JOB_KEYS(JOB)
#undef KEY
#undef JOB
        {"covariance", "FILE",
         "predict: write the covariance of the predictions: of an ensemble of nets (ntk), else of the Gaussian "
         "process."},
    {"out", "FILE", "where the result goes: .npy, .npz or .csv; fit: the model, .npz."},
    {"memory", "AMOUNT", "what may be used, 500MiB or 16GiB (default 4GiB); what would take more is refused first."},
    {"json", NULL, "One JSON object."},
    {0},
};

static ovp_status run(cli_app *cli, int argc, char **argv) {
    static const struct {
        const char *name;
        ovp_status (*run)(cli_app *cli, const cli_args *args);
    } parts[] = {{"gram", cli_kernel_gram_action},
                 {"fit", cli_kernel_fit},
                 {"predict", cli_kernel_predict},
                 {"spectrum", cli_kernel_spectrum}};
    cli_args args = {0};
    const cli_action *action;
    ovp_status status;
    OVP_TRY(cli_parse(&args, cli, &cli_command_kernel, NULL, argc, argv));
    OVP_TRY(cli_expect_operands(cli, &args, 1, -1));
    OVP_TRY(cli_find_action(&action, cli, &args, ""));
    OVP_TRY(cli_check_action(cli, &args, action->name));
    for (int i = 0; i < 4; i++)
        if (!strcmp(action->name, parts[i].name)) status = parts[i].run(cli, &args);
done:
    cli_args_free(cli, &args);
    return status;
}

const cli_command cli_command_kernel = {
    .name = "kernel",
    .operands = "gram|fit|predict|spectrum",
    .summary = "Kernels on your arrays: matrices, regression, prediction, spectra.",
    .about =
        "X, Y and Z are your arrays, one point a row: FILE.npy, FILE.npz:MEMBER, FILE.csv (a first line that is not "
        "all "
        "numbers names the columns), FILE.csv:a,b (these columns, by name or number from 1) or FILE.csv:-a,b (all but "
        "these).\nKernels: laplace, gaussian, "
        "dispersal, polynomial; nngp and ntk of infinitely wide nets with any activation; empirical-ntk of a net drawn "
        "at random. A fit is kept with its points and its kernel in one npz file.\nA tutorial: docs/kernel-tool.md.",
    .examples = "overparam kernel gram points.npy --kernel ntk --depth 3 --out K.npy\n"
                "overparam kernel fit train.csv:-label train.csv:label --task classification --kernel laplace "
                "--bandwidth 10 --out model.npz\n"
                "overparam kernel predict model.npz test.csv:-label test.csv:label --out f.npy\n"
                "overparam kernel predict model.npz test.npy --time 100 --covariance cov.npy --out f.npy\n"
                "overparam kernel spectrum points.npz:x --kernel gaussian --bandwidth 2 --count 20 --json",
    .actions = actions,
    .options = options,
    .run = run,
};
