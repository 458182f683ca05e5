/* The configuration file of `run`, through the command itself up to where it would make the run folder. */
#include "command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char line[128], *argv[6];
    snprintf(line, sizeof line, "lazy-width\n--config\n%s\n--out\n" FUZZ_NO_FOLDER, fuzz_file(data, size));
    fuzz_command(cli_command_find("run"), fuzz_arguments(line, argv, 5), argv);
    return fuzz_end();
}
