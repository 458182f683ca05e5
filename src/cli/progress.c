/* Progress on stderr: a bar on a terminal, else a plain line every few seconds. */
#include <math.h>
#include <unistd.h>

#include "cli_int.h"

#define BAR_EVERY 0.1 /* seconds */
#define LINE_EVERY 5.0
#define BAR_CELLS 20

void cli_progress_erase(cli_progress *progress) {
    if (!progress->drawn) return;
    (void)!write(STDERR_FILENO, "\r\033[K", 4);
    progress->drawn = 0;
}

/* " 230/500 epochs, 88/s, 3 s left, loss 0.1234" */
static int figures(char *out, size_t bytes, const cli_progress *progress, const ovp_progress *p, double elapsed) {
    char left[32];
    double rate = elapsed > 0 ? (double)(p->done - progress->first) / elapsed : 0;
    const char *unit = p->unit ? p->unit : "";
    int n = p->total > 0 ? snprintf(out, bytes, "%lld/%lld %.20s", (long long)p->done, (long long)p->total, unit)
                         : snprintf(out, bytes, "%lld %.20s", (long long)p->done, unit); /* the end is not known */
    if (rate > 0 && p->done < p->total) {
        cli_seconds_text(left, sizeof left, (double)(p->total - p->done) / rate);
        if (rate >= 1)
            n += snprintf(out + n, bytes - (size_t)n, ", %.3g/s, %s left", rate, left);
        else
            n += snprintf(out + n, bytes - (size_t)n, ", %.3g s each, %s left", 1 / rate, left);
    }
    if (p->value_name && p->value_name[0] && !isnan(p->value))
        n += snprintf(out + n, bytes - (size_t)n, ", %.20s %.4g", p->value_name, p->value);
    return n;
}

static void draw(cli_progress *progress, const ovp_progress *p, double elapsed) {
    char numbers[200], line[400], bar[BAR_CELLS + 1];
    int width = progress->cli->width, n;
    double share = p->total > 0 ? (double)p->done / (double)p->total : 0;
    int cells = (int)(share * BAR_CELLS);
    if (cells > BAR_CELLS) cells = BAR_CELLS;
    for (int i = 0; i < BAR_CELLS; i++) bar[i] = i < cells ? '#' : '.';
    bar[BAR_CELLS] = '\0';
    figures(numbers, sizeof numbers, progress, p, elapsed);
    if (width >= 90)
        n = snprintf(line, sizeof line, "%s  [%s] %3.0f%%  %s", progress->stage, bar, 100 * share, numbers);
    else
        n = snprintf(line, sizeof line, "%s %3.0f%%  %s", progress->stage, 100 * share, numbers);
    if (n > (int)sizeof line - 1) n = (int)sizeof line - 1;
    if (n > width - 1) n = width - 1; /* a line that wraps could not be drawn over */
    char out[420];
    int total = snprintf(out, sizeof out, "\r%.*s\033[K", n, line);
    (void)!write(STDERR_FILENO, out, (size_t)total);
    progress->drawn = 1;
}

void cli_progress_report(void *user, const ovp_progress *p) {
    cli_progress *progress = user;
    const char *stage = p->stage ? p->stage : progress->title;
    double now = ovp_seconds();
    /* Workers may report at the same time; a missed line is better than a mixed one. */
    if (__atomic_exchange_n(&progress->busy, 1, __ATOMIC_ACQUIRE)) return;
    int terminal = progress->cli->err_terminal;
    if (strncmp(stage, progress->stage, sizeof progress->stage - 1) || p->total != progress->total ||
        p->done < progress->first) {
        snprintf(progress->stage, sizeof progress->stage, "%s", stage);
        progress->total = p->total;
        progress->first = p->done;
        progress->start = now;
        if (terminal) progress->shown = 0;
    }
    if (now - progress->shown >= (terminal ? BAR_EVERY : LINE_EVERY)) {
        if (terminal) {
            draw(progress, p, now - progress->start);
        } else if (progress->shown > 0) {
            char numbers[200], line[400];
            figures(numbers, sizeof numbers, progress, p, now - progress->start);
            int n = snprintf(line, sizeof line, "%s: %s\n", progress->stage, numbers);
            (void)!write(STDERR_FILENO, line, (size_t)(n < (int)sizeof line ? n : (int)sizeof line - 1));
        }
        progress->shown = now;
    }
    __atomic_store_n(&progress->busy, 0, __ATOMIC_RELEASE);
}
