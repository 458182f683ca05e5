# shellcheck shell=bash disable=SC2034 # variables are for the scripts that read this file
# Common part of scripts/demo, scripts/test and .ci/run: packages of Debian 12, configure, build.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What the build and the program need; alternatives separated by '|', the first is installed if none is there.
packages_build=(gcc libc6-dev cmake ninja-build pkg-config
    "libopenblas-openmp-dev|libopenblas-pthread-dev|libopenblas-serial-dev"
    librandom123-dev libjansson-dev libyaml-dev libzip-dev zlib1g-dev libpng-dev libturbojpeg0-dev libdnnl-dev
    libsqlite3-dev gnuplot-nox curl ca-certificates)
packages_test=(g++ libcmocka-dev binutils groff-base)
packages_ci=(clang-format lcov gcc-aarch64-linux-gnu libc6-dev-arm64-cross clang-14 libclang-rt-14-dev)

say() { printf '\n== %s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

installed() { [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = "install ok installed" ]; }

# need_packages PACKAGE..: installs what dpkg does not know as installed.
need_packages() {
    local missing=() wanted choice found
    if ! command -v dpkg >/dev/null; then
        echo "note: no dpkg on this system; the packages wanted are: $*"
        return
    fi
    for wanted in "$@"; do
        found=no
        for choice in ${wanted//|/ }; do
            if installed "$choice"; then found=yes; fi
        done
        [ $found = yes ] || missing+=("${wanted%%|*}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    say "installing: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "not root and no sudo; as root: apt-get install -y --no-install-recommends ${missing[*]}"
        as_root=(sudo)
    fi
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -q </dev/null || die "apt-get update failed: is the network there?"
    "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null ||
        die "apt-get could not install: ${missing[*]}"
}

# build_preset NAME [TARGET]: configures and builds a preset of CMakePresets.json, everything or one target.
build_preset() {
    say "build: preset $1"
    (cd "$root" && cmake --preset "$1" >/dev/null && cmake --build --preset "$1" ${2:+--target "$2"})
}

# test_preset NAME LOG [LABEL]: runs the suite, or the tests with a label; its output also goes to LOG. Fails as ctest
# does.
test_preset() {
    say "test: preset $1${3:+, label $3}"
    (cd "$root" && set -o pipefail && ctest --preset "$1" -j "$(nproc)" ${3:+-L "$3"} </dev/null 2>&1 | tee "$2")
}

# closing_line LOG: ctest's own summary.
closing_line() { grep -E '^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$1" | tail -n 1; }
