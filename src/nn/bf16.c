#include "nn/bf16.h"

#include "base/hot.h"

#include <stddef.h>

HOT static void narrow_anywhere(const float *restrict from, bf16 *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = bf16_from_f32(from[i]);
}

/* Elsewhere nothing computes in bfloat16 natively (dnn_has_bf16). */
#if defined(__x86_64__) && BASE_HOT_LEVEL == 4
#include <immintrin.h>

#define CONVERTS __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

CONVERTS static void narrow_natively(const float *from, bf16 *to, size_t n)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16), _mm512_loadu_ps(from + i));
        _mm512_storeu_si512(to + i, (__m512i)both);
    }
    for (; i < n; i += 16) {
        __mmask16 some = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
        __m256bh one = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(some, from + i));
        _mm256_mask_storeu_epi16(to + i, some, (__m256i)one);
    }
}

void bf16_narrow(const float *from, bf16 *to, size_t n)
{
    if (__builtin_cpu_supports("avx512bf16"))
        narrow_natively(from, to, n);
    else
        narrow_anywhere(from, to, n);
}

#else

void bf16_narrow(const float *from, bf16 *to, size_t n)
{
    narrow_anywhere(from, to, n);
}

#endif
