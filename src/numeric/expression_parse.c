/* Text to the program of an expression: recursive descent over
 *   sum     = product { (+|-) product }
 *   product = signed { (*|/) signed }
 *   signed  = (+|-) signed | power
 *   power   = primary [ ^ signed ]            -x^2 = -(x^2), 2^-x^2 = 2^(-(x^2)), a^b^c = a^(b^c)
 *   primary = number | name | function ( sum [, sum] ) | ( sum )
 * Steps whose arguments are constants are computed here. */
#include "numeric/expression_int.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 4096, NESTED = 200, EXCERPT = 20, NAME = 32, NUMBER = 64 };

typedef struct parser {
    ovp_numeric_expression *e;
    const char *text, *at, *where;
    const char *const *variables;
    int nested, held; /* levels of recursion; values on the stack after the steps so far */
} parser;

static ovp_status sum(parser *p);

/* ---- messages ------------------------------------------------------------------------------------ */

static int continues(char c) { /* a byte inside a UTF-8 character */
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* from..to, what is not printable ASCII as '?', one a character. */
static void excerpt(char out[EXCERPT + 1], const char *from, const char *to) {
    for (; from < to; from++)
        if (!continues(*from)) *out++ = isprint((unsigned char)*from) ? *from : '?';
    *out = 0;
}

/* Number of the character at a place, from 1. */
static long long character_of(const parser *p, const char *at) {
    long long character = 1;
    for (const char *c = p->text; c < at; c++) character += !continues(*c);
    return character;
}

/* Fails at a place: its number, counted from 1, and the text on both sides. */
static ovp_status fail_at(const parser *p, const char *at, const char *message) {
    char before[EXCERPT + 1], after[EXCERPT + 1], left[EXCERPT + 16] = "at the start", right[EXCERPT + 16] = "the end";
    const char *from = at - p->text > EXCERPT ? at - EXCERPT : p->text;
    const size_t rest = strlen(at);
    excerpt(before, from, at);
    excerpt(after, at, at + (rest < EXCERPT ? rest : EXCERPT));
    if (*before) snprintf(left, sizeof left, "after '%s%s'", from > p->text ? ".." : "", before);
    if (*after) snprintf(right, sizeof right, "'%s%s'", after, rest > EXCERPT ? ".." : "");
    return ovp_fail(p->e->ctx, OVP_EINVAL, "%s: character %lld: %s (%s, before %s)", p->where, character_of(p, at),
                    message, left, right);
}

/* "expected <what>, found <what stands there>". */
static ovp_status fail_expected(const parser *p, const char *what) {
    char message[160], found[NAME];
    const char *end = p->at + 1;
    if (!*p->at) {
        snprintf(message, sizeof message, "expected %s, found the end", what);
        return fail_at(p, p->at, message);
    }
    if (isalnum((unsigned char)*p->at))
        while (isalnum((unsigned char)*end) && end - p->at < EXCERPT) end++;
    excerpt(found, p->at, end);
    snprintf(message, sizeof message, "expected %s, found '%s'", what, found);
    return fail_at(p, p->at, message);
}

/* ---- names --------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    double value;
} constants[] = {{"pi", M_PI}, {"e", M_E}};
enum { CONSTANTS = sizeof constants / sizeof *constants };

/* The activation of a name whose '-' are written '_', NULL if there is none. */
static const ovp_numeric_activation *activation_of(const char *name) {
    char folded[NAME];
    size_t i = 0;
    for (; name[i]; i++) folded[i] = name[i] == '_' ? '-' : name[i];
    folded[i] = 0;
    return ovp_numeric_activation_find(folded);
}

static void consider(const char *name, const char *candidate, int *least, char best[NAME]) {
    const int distance = ovp_edit_distance(name, candidate);
    if (distance >= *least || (size_t)distance >= strlen(candidate) || !isalpha((unsigned char)*candidate)) return;
    *least = distance;
    snprintf(best, NAME, "%s", candidate);
    for (char *c = best; *c; c++)
        if (*c == '-') *c = '_';
}

static ovp_status fail_unknown(const parser *p, const char *at, const char *name) {
    char message[320], best[NAME] = "", known[160] = "";
    int least = strlen(name) < 4 ? 2 : 3; /* further off nothing is near */
    size_t used = 0;
    for (int i = 0; i < p->e->variables; i++) consider(name, p->variables[i], &least, best);
    for (int i = 0; i < CONSTANTS; i++) consider(name, constants[i].name, &least, best);
    for (ovp_idx i = 0; expression_function_at(i); i++) consider(name, expression_function_at(i)->name, &least, best);
    for (ovp_idx i = 0; ovp_numeric_activation_at(i); i++)
        consider(name, ovp_numeric_activation_at(i)->name, &least, best);
    for (int i = 0; i < p->e->variables && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", p->variables[i]);
    if (*best)
        snprintf(message, sizeof message, "unknown name '%s'; did you mean '%s'?", name, best);
    else
        snprintf(message, sizeof message,
                 "unknown name '%s'; variables are %s, constants pi and e, and functions are called as sin(..)", name,
                 *known ? known : "none");
    return fail_at(p, at, message);
}

/* ---- steps --------------------------------------------------------------------------------------- */

static ovp_status push(parser *p, const char *at, expression_step step) {
    if (++p->held > EXPRESSION_DEEPEST)
        return fail_at(p, at, "the expression holds more than 64 intermediate values; write it with less nesting");
    if (p->held > p->e->depth) p->e->depth = p->held;
    p->e->steps[p->e->count++] = step;
    return OVP_OK;
}

/* Applies a function to the last `arity` values. */
static void apply(parser *p, const expression_function *function, const ovp_numeric_activation *activation) {
    ovp_numeric_expression *e = p->e;
    expression_step *last = e->steps + e->count - 1, *first = last - function->arity + 1;
    p->held -= function->arity - 1;
    if (last->kind == EXPRESSION_CONSTANT && first->kind == EXPRESSION_CONSTANT) {
        expression_partials partials;
        function->rule(1, 0, 0, &first->constant, &last->constant, activation, &partials);
        first->constant = partials.v[0];
        e->count -= function->arity - 1;
        return;
    }
    e->steps[e->count++] = (expression_step){.kind = EXPRESSION_APPLY, .function = function, .activation = activation};
}

static void skip_blanks(parser *p) {
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r') p->at++;
}

/* Steps over c if it comes next. */
static int accept(parser *p, char c) {
    skip_blanks(p);
    if (*p->at != c) return 0;
    p->at++;
    return 1;
}

/* ---- the grammar --------------------------------------------------------------------------------- */

static const char *after_digits(const char *at) {
    while (isdigit((unsigned char)*at) || *at == '_') at++;
    return at;
}

static ovp_status number(parser *p) {
    const char *start = p->at, *end = after_digits(start);
    char text[NUMBER];
    double value;
    if (*end == '.') end = after_digits(end + 1);
    if (*end == 'e' || *end == 'E') {
        const char *digits = end + 1 + (end[1] == '+' || end[1] == '-');
        if (isdigit((unsigned char)*digits)) end = after_digits(digits);
    }
    if (end - start >= NUMBER) return fail_at(p, start, "a number of more than 63 characters");
    memcpy(text, start, (size_t)(end - start));
    text[end - start] = 0;
    if (!ovp_parse_real(text, &value)) return fail_at(p, start, "not a number; write 1.5, .5, 2e-3 or 10_000");
    if (!isfinite(value)) return fail_at(p, start, "a number beyond the range of doubles (about 1.8e308)");
    p->at = end;
    return push(p, start, (expression_step){.kind = EXPRESSION_CONSTANT, .constant = value});
}

/* Arguments of a function; p->at stands after its '('. */
static ovp_status arguments(parser *p, const char *name, int arity) {
    char what[80];
    for (int i = 0; i < arity; i++) {
        ovp_status status = sum(p);
        if (status != OVP_OK) return status;
        if (i + 1 < arity && !accept(p, ',')) {
            snprintf(what, sizeof what, "',' (%s takes %d arguments)", name, arity);
            return fail_expected(p, what);
        }
    }
    if (accept(p, ')')) return OVP_OK;
    if (*p->at == ',') {
        snprintf(what, sizeof what, "too many arguments: %s takes %d", name, arity);
        return fail_at(p, p->at, what);
    }
    snprintf(what, sizeof what, "')' after the argument of %s", name);
    return fail_expected(p, what);
}

static ovp_status named(parser *p) {
    const char *start = p->at;
    char name[NAME], message[96];
    size_t length = 0;
    while (isalnum((unsigned char)*p->at) || *p->at == '_') {
        if (length + 1 == NAME) return fail_at(p, start, "a name of more than 31 characters");
        name[length++] = *p->at++;
    }
    name[length] = 0;
    for (int i = 0; i < p->e->variables; i++)
        if (strcmp(name, p->variables[i]) == 0)
            return push(p, start, (expression_step){.kind = EXPRESSION_VARIABLE, .variable = i});
    for (int i = 0; i < CONSTANTS; i++)
        if (strcmp(name, constants[i].name) == 0)
            return push(p, start, (expression_step){.kind = EXPRESSION_CONSTANT, .constant = constants[i].value});
    const expression_function *function = expression_function_find(name);
    const ovp_numeric_activation *activation = function ? NULL : activation_of(name);
    if (activation) function = &expression_activation;
    if (!function) return fail_unknown(p, start, name);
    if (!accept(p, '(')) {
        snprintf(message, sizeof message, "'(' after the function %s", name);
        return fail_expected(p, message);
    }
    ovp_status status = arguments(p, name, function->arity);
    if (status == OVP_OK) apply(p, function, activation);
    return status;
}

static ovp_status primary(parser *p) {
    ovp_status status;
    skip_blanks(p);
    const char *start = p->at;
    if (isdigit((unsigned char)*start) || (*start == '.' && isdigit((unsigned char)start[1]))) return number(p);
    if (isalpha((unsigned char)*start) || *start == '_') return named(p);
    if (accept(p, '(')) {
        char message[80];
        if ((status = sum(p)) != OVP_OK || accept(p, ')')) return status;
        snprintf(message, sizeof message, "an operator or the ')' of the '(' at character %lld",
                 character_of(p, start));
        return fail_expected(p, message);
    }
    if (*start == '*' && start > p->text && start[-1] == '*') return fail_at(p, start, "a power is written ^, not **");
    return fail_expected(p, "a number, a name or '('");
}

static ovp_status power(parser *p);

/* Every recursion of the grammar passes here: its depth is the limit of nesting. */
static ovp_status signed_power(parser *p) {
    ovp_status status;
    skip_blanks(p);
    const char *start = p->at;
    if (++p->nested > NESTED) return fail_at(p, start, "nested deeper than 200 levels");
    if (accept(p, '-')) {
        status = signed_power(p);
        if (status == OVP_OK) apply(p, expression_function_find("~"), NULL);
    } else {
        status = accept(p, '+') ? signed_power(p) : power(p);
    }
    p->nested--;
    return status;
}

static ovp_status power(parser *p) {
    ovp_status status = primary(p);
    if (status != OVP_OK || !accept(p, '^')) return status;
    status = signed_power(p);
    if (status == OVP_OK) apply(p, expression_function_find("^"), NULL);
    return status;
}

/* A chain of two operators that bind to the left. */
static ovp_status chain(parser *p, ovp_status (*operand)(parser *), const char *operators) {
    ovp_status status = operand(p);
    while (status == OVP_OK) {
        skip_blanks(p);
        const char name[2] = {*p->at, 0};
        if (!*p->at || !strchr(operators, *p->at)) break;
        p->at++;
        status = operand(p);
        if (status == OVP_OK) apply(p, expression_function_find(name), NULL);
    }
    return status;
}

static ovp_status product(parser *p) {
    return chain(p, signed_power, "*/");
}

static ovp_status sum(parser *p) {
    return chain(p, product, "+-");
}

ovp_status expression_parse(ovp_numeric_expression *e, const char *text, const char *const *variables,
                            const char *where) {
    parser p = {.e = e, .text = text, .at = text, .where = where, .variables = variables};
    if (strlen(text) > LONGEST)
        return ovp_fail(e->ctx, OVP_EINVAL, "%s: an expression of %zu bytes; at most %d", where, strlen(text), LONGEST);
    /* Every step comes from a character of its own. */
    ovp_status status = ovp_alloc(e->ctx, &e->steps, (ovp_idx)strlen(text), sizeof *e->steps);
    if (status == OVP_OK) status = sum(&p);
    if (status != OVP_OK) return status;
    skip_blanks(&p);
    if (!*p.at) return OVP_OK;
    if (*p.at == ')') return fail_at(&p, p.at, "a ')' without its '('");
    return fail_expected(&p, "an operator (a product is written 2*x)");
}
