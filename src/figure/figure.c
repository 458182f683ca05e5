/* Rendering: data and script are written first and stay, whatever becomes of gnuplot. */
#include "figure/figure_int.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ADVICE "apt-get install gnuplot-nox (Debian, Ubuntu), then cd to the folder and run gnuplot on the .gp file"

int ovp_figure_available(char *version, size_t bytes) {
    char program[4096];
    ovp_program_result process;
    if (version && bytes) version[0] = 0;
    if (!ovp_program_find(program, sizeof(program), "gnuplot")) return 0;
    const char *const argv[] = {program, "--version", NULL};
    const ovp_program_options options = {.size = sizeof(options), .timeout = 10};
    ovp_program_run(&process, argv, &options);
    if (process.error || process.timed_out || process.exit_code > 0) return 0;
    if (version && bytes) {
        process.output[strcspn(process.output, "\r\n")] = 0;
        (void)snprintf(version, bytes, "%s", process.output);
    }
    return 1;
}

static int good_name(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return name && name[0] && strlen(name) <= 64 && name[strspn(name, allowed)] == 0;
}

/* Whether the drawing is whole: gnuplot does not notice a disk that fills up while it writes. */
static int whole(const char *path, const char *ending) {
    char tail[24] = "";
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    size_t got = fseek(file, -16, SEEK_END) == 0 ? fread(tail, 1, 16, file) : 0;
    (void)fclose(file);
    return got > 0 && memmem(tail, got, ending, strlen(ending)) != NULL;
}

/* gnuplot writes under a temporary stem, so that a killed run leaves no half drawing under the figure's name. */
static ovp_status draw(ovp_ctx *ctx, const char *dir, const ovp_figure *figure) {
    static const char *const kinds[] = {"svg", "png"}, *const endings[] = {"</svg>", "IEND"};
    char program[4096], script[80], define[128];
    char made[2][4096 + 160], final[2][4096 + 160];
    ovp_program_result process;
    if (!ovp_program_find(program, sizeof(program), "gnuplot"))
        return ovp_fail(ctx, OVP_EUNAVAILABLE, "figure %s: no gnuplot on PATH; %s/%s.gp and .dat are kept; " ADVICE,
                        figure->name, dir, figure->name);
    (void)snprintf(script, sizeof(script), "%s.gp", figure->name);
    (void)snprintf(define, sizeof(define), "stem='.%s-%ld'", figure->name, (long)getpid());
    for (int k = 0; k < 2; k++) {
        (void)snprintf(made[k], sizeof(made[k]), "%s/.%s-%ld.%s", dir, figure->name, (long)getpid(), kinds[k]);
        (void)snprintf(final[k], sizeof(final[k]), "%s/%s.%s", dir, figure->name, kinds[k]);
    }
    /* -d: without the user's ~/.gnuplot, which could change anything. */
    const char *const argv[] = {program, "-d", "-e", define, script, NULL};
    const ovp_program_options options = {.size = sizeof(options), .dir = dir, .timeout = FIGURE_TIMEOUT};
    ovp_program_run(&process, argv, &options);

    ovp_status status = OVP_OK;
    if (process.error)
        status = ovp_fail(ctx, OVP_EUNAVAILABLE, "figure %s: cannot start %s: %s; " ADVICE, figure->name, program,
                          strerror(process.error));
    else if (process.timed_out)
        status = ovp_fail(ctx, OVP_EINTERNAL,
                          "figure %s: gnuplot did not finish within %g s and was stopped; try %s "
                          "by hand in %s",
                          figure->name, FIGURE_TIMEOUT, script, dir);
    else if (process.exit_code > 0)
        status = ovp_fail(ctx, OVP_EINTERNAL, "figure %s: gnuplot ended with code %d: %s", figure->name,
                          process.exit_code, ovp_program_last_words(&process));
    for (int k = 0; k < 2; k++) {
        if (status == OVP_OK && !whole(made[k], endings[k]))
            status = ovp_fail(ctx, OVP_EIO, "figure %s: gnuplot wrote no whole %s in %s (disk full?): %s", figure->name,
                              kinds[k], dir, ovp_program_last_words(&process));
        if (status == OVP_OK && rename(made[k], final[k]) != 0)
            status = ovp_fail(ctx, OVP_EIO, "figure %s: cannot replace %s", figure->name, final[k]);
        if (status != OVP_OK) (void)unlink(made[k]);
    }
    return status;
}

/* Data and script of one pair of axes without a map. */
static ovp_status plain(ovp_ctx *ctx, const ovp_figure *figure, ovp_text *dat, ovp_text *gp) {
    ovp_status status = OVP_OK;
    /* The plot's size beside labels and tics, as gnuplot's margins leave it. */
    figure_frame frame = {.figure = figure, .width = 640, .height = 350, .map_block = -1};
    OVP_TRY(ovp_alloc(ctx, &frame.drawn, figure->count, sizeof(*frame.drawn)));
    figure_ranges(figure, &frame.x, &frame.y);
    figure_data(figure, &frame.x, &frame.y, frame.drawn, dat);
    figure_colours(figure, frame.drawn);
    figure_script(&frame, gp);
done:
    ovp_free(ctx, frame.drawn);
    return status;
}

ovp_status ovp_figure_render(ovp_ctx *ctx, const char *dir, const ovp_figure *figure) {
    ovp_status status = OVP_OK;
    ovp_text dat = {.ctx = ctx}, gp = {.ctx = ctx};
    char path[4096 + 80];

    if (!good_name(figure->name))
        return ovp_fail(ctx, OVP_EINVAL, "figure name '%.64s': 1 to 64 characters of a-z, 0-9 and '-' are allowed",
                        figure->name ? figure->name : "");
    if (!dir || !dir[0] || strlen(dir) > 4000)
        return ovp_fail(ctx, OVP_EINVAL, "figure %s: the folder's path must have 1 to 4000 bytes", figure->name);
    OVP_TRY(figure_check(ctx, figure));
    OVP_TRY(figure_is_grid(figure) ? figure_grid(ctx, figure, &dat, &gp) : plain(ctx, figure, &dat, &gp));
    OVP_TRY(ovp_text_status(&dat));
    OVP_TRY(ovp_text_status(&gp));
    (void)snprintf(path, sizeof(path), "%s/%s.dat", dir, figure->name);
    OVP_TRY(ovp_io_write_file(ctx, path, dat.data, dat.length));
    (void)snprintf(path, sizeof(path), "%s/%s.gp", dir, figure->name);
    OVP_TRY(ovp_io_write_file(ctx, path, gp.data, gp.length));
    OVP_TRY(draw(ctx, dir, figure));
done:
    ovp_text_free(&dat);
    ovp_text_free(&gp);
    return status;
}
