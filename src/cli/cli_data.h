/* cli: what the parts of `overparam data` share. */
#ifndef OVERPARAM_CLI_DATA_H
#define OVERPARAM_CLI_DATA_H

#include "cli_int.h"

/* The load options of a command line and their stream. Zero-initialise; free with cli_data_choice_free. */
typedef struct cli_data_choice {
    ovp_data_choice choice;
    ovp_numeric_rng *rng;
} cli_data_choice;
/* Errors: OVP_EUSAGE, naming the option. What a value means is checked by ovp_data_load. */
ovp_status cli_data_choose(cli_data_choice *out, cli_app *cli, const cli_args *args, const char *name);
void cli_data_choice_free(cli_app *cli, cli_data_choice *choice);
/* Appends the load options given: "--resize 16x16 --flip 0.5". */
void cli_data_chosen_text(ovp_text *out, const cli_args *args);

/* Errors: OVP_EUSAGE with a did-you-mean. */
ovp_status cli_data_find(const ovp_data_info **out, cli_app *cli, const char *name);
json_t *cli_data_info_json(const ovp_data_info *info);
ovp_status cli_data_show(cli_app *cli, const cli_args *args);

/* data_synthetic.c */
json_t *cli_data_synthetic_json(const ovp_data_synthetic_info *info);
ovp_status cli_data_show_synthetic(cli_app *cli, const cli_args *args, ovp_idx sample);

#endif
