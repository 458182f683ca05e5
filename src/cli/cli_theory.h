/* cli: what the parts of `overparam theory` share. */
#ifndef OVERPARAM_CLI_THEORY_H
#define OVERPARAM_CLI_THEORY_H

#include "cli_int.h"

#define CLI_RISK_COUNTS "30,90,150,210,270,290,310,330,420,600,900,1500,3000"

/* theory_risk.c */
ovp_status cli_theory_risk_curves(cli_app *cli, const cli_args *args);

#endif
