/* cli: what the parts of `overparam pvar` share. */
#ifndef OVERPARAM_CLI_PVAR_H
#define OVERPARAM_CLI_PVAR_H

#include "cli_int.h"

/* A path out of a file: points x dimension values, all finite. */
typedef struct cli_path {
    ovp_idx points, dimension;
    ovp_numeric_array values; /* f64; free with ovp_numeric_array_free */
} cli_path;

/* pvar_path.c. member: array of an npz file, NULL where there is only one; columns: list of names (csv with headings)
 * or numbers from 0, NULL for all. Errors: OVP_EFORMAT (no numbers, not finite: where; no points), OVP_EUSAGE (no such
 * array or column), and those of io. */
ovp_status cli_path_read(cli_path *out, cli_app *cli, const char *file, const char *member, const char *columns);

#endif
