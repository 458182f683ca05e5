/* An allocator that grants as many allocations as an integer says, which also counts them. */
#ifndef OVP_TEST_ALLOCATOR_H
#define OVP_TEST_ALLOCATOR_H

#include <limits.h>
#include <stdlib.h>

#include <overparam/base.h>

static inline void *allocator_grant(void *user, size_t bytes) {
    int *left = user;
    if (*left <= 0) return NULL;
    --*left;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static inline void allocator_release(void *user, void *memory) {
    (void)user;
    free(memory);
}

static inline ovp_allocator granting(int *left) {
    return (ovp_allocator){allocator_grant, allocator_release, left};
}

#endif
