#include <overparam/numeric.h>
#include <string.h>
size_t ovp_numeric_type_size(ovp_numeric_type type) { static const size_t s[]={4,8,8,4,1}; return s[type]; }
const char *ovp_numeric_type_name(ovp_numeric_type type) { static const char *const s[]={"f32","f64","i64","i32","u8"}; return s[type]; }
ovp_idx ovp_numeric_array_count(const ovp_numeric_array *a) { ovp_idx n=1; for(int d=0;d<a->ndim;d++) n*=a->shape[d]; return n; }
ovp_status ovp_numeric_array_create(ovp_numeric_array *out, ovp_ctx *ctx, ovp_numeric_type type, int ndim, const ovp_idx *shape) {
    ovp_numeric_array a = {.type=type,.ndim=ndim};
    int64_t n=1; for(int d=0;d<ndim;d++){ a.shape[d]=shape[d]; if(shape[d]<0||__builtin_mul_overflow(n,shape[d],&n)) return ovp_fail(ctx,OVP_EINVAL,"bad shape"); }
    ovp_status s=ovp_alloc(ctx,&a.data,n,ovp_numeric_type_size(type)); if(s==OVP_OK)*out=a; return s; }
void ovp_numeric_array_free(ovp_ctx *ctx, ovp_numeric_array *a) { if(!a) return; ovp_free(ctx,a->data); *a=(ovp_numeric_array){0}; }
