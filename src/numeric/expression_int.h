/* numeric, internal: expressions as programs of a stack machine, and the rules of their functions. */
#ifndef OVP_EXPRESSION_INT_H
#define OVP_EXPRESSION_INT_H

#include <overparam/numeric.h>

/* Values a program may hold at once, and doubles of the stack it runs on (32 KiB of the caller's stack): the deepest
 * program with all derivatives still has one lane. */
enum { EXPRESSION_DEEPEST = 64, EXPRESSION_ROOM = 4096, EXPRESSION_LANES = 32 };

/* Which arguments a rule must be differentiated by, and which second derivatives are not identically 0. */
enum { EXPRESSION_A = 1, EXPRESSION_B = 2 };
enum { EXPRESSION_AA = 1, EXPRESSION_AB = 2, EXPRESSION_BB = 4 };

/* Value and partial derivatives of a function of a (and b) at up to EXPRESSION_LANES points. */
typedef struct expression_partials {
    double v[EXPRESSION_LANES], a[EXPRESSION_LANES], b[EXPRESSION_LANES];
    double aa[EXPRESSION_LANES], ab[EXPRESSION_LANES], bb[EXPRESSION_LANES];
} expression_partials;

/* order 0: v only; 1: also first derivatives; 2: also the second ones named in `terms`. need: EXPRESSION_A | _B. */
typedef void (*expression_rule)(ovp_idx n, int order, int need, const double *a, const double *b,
                                const ovp_numeric_activation *activation, expression_partials *out);

typedef struct expression_function {
    const char *name; /* operators: "+", ..; "~" is the sign, which is written - */
    int arity, terms;
    expression_rule rule;
} expression_function;

/* i-th function, NULL past the end; operator or function by name, NULL if unknown. Static. */
const expression_function *expression_function_at(ovp_idx i);
const expression_function *expression_function_find(const char *name);
/* The rule of the activation table's rows. */
extern const expression_function expression_activation;

typedef enum expression_kind { EXPRESSION_CONSTANT, EXPRESSION_VARIABLE, EXPRESSION_APPLY } expression_kind;
typedef struct expression_step {
    expression_kind kind;
    int variable;
    double constant;
    const expression_function *function;
    const ovp_numeric_activation *activation;
} expression_step;

struct ovp_numeric_expression {
    ovp_ctx *ctx;
    expression_step *steps;
    ovp_idx count;
    int variables, depth; /* depth: values it holds at once */
};

/* Compiles text into e->steps. */
ovp_status expression_parse(ovp_numeric_expression *e, const char *text, const char *const *variables,
                            const char *where);

#endif
