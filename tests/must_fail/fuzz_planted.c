/* A parser with a mistake on purpose: tools/fuzz must find and report it. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_require(!(size > 2 && data[0] == 'o' && data[1] == 'v' && data[2] == 'p'), "planted");
    return 0;
}
