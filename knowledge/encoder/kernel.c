// Everything that takes time in a transformer, in plain C that a compiler turns into vector instructions:
// loops without branches. On x86 with glibc each function exists for AVX-512, AVX2 and SSE2, and the processor
// at hand decides at start; elsewhere the compiler knows what there is (NEON on arm64). Only dense, in which
// most of the time goes, is also written by hand: no compiler finds the one instruction that is made for it, and
// keeps as many sums in registers.
//
// All of them give the same bits. Sums are of whole numbers, or of floats in an order that is written down here,
// and no product is added without being rounded first, as -std=c11 has it for GCC: where activations become
// whole numbers, the last bit of a float may decide.
#pragma STDC FP_CONTRACT OFF

#include "kernel.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FAST __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FAST
#endif

// INLINE functions become part of each version of their caller.
#define INLINE static inline __attribute__((always_inline))

// lanes are the floats of one register, for loops whose sums must stay in registers.
#ifdef __x86_64__
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float lanes __attribute__((vector_size(4 * LANES)));

// quantize writes each row as whole numbers and the size of one step of that row.
FAST void quantize(const float *restrict x, int16_t *restrict q, float *restrict scale, int tokens, int width) {
	const float limit = LIMIT / width;
	for (int t = 0; t < tokens; t++, x += width, q += width) {
		float most = 0;
#pragma omp simd reduction(max : most)
		for (int i = 0; i < width; i++)
			most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
		float up = most > 0 ? limit / most : 0;
		for (int i = 0; i < width; i++) {
			// Adding and taking away 1.5 * 2^23 rounds to the nearest integer.
			q[i] = (int16_t)(int)(x[i] * up + 12582912.0f - 12582912.0f);
		}
		scale[t] = most / limit;
	}
}

// A tile is TILE tokens times ROWS rows of weights, as many as there are registers for their sums.
enum { TILE = 2, ROWS = 4, EIGHT = 8 };

// tile multiplies TILE tokens with ROWS rows.
INLINE void tile(const int16_t *restrict rows, const int16_t *restrict x, int32_t sum[TILE][ROWS], int in) {
	memset(sum, 0, sizeof(int32_t[TILE][ROWS]));
	for (int i = 0; i < in; i++)
		for (int r = 0; r < ROWS; r++) {
			int16_t w = rows[r * in + i];
			for (int t = 0; t < TILE; t++)
				sum[t][r] += x[t * in + i] * w;
		}
}

// dense_anywhere is dense for any processor.
static void dense_anywhere(const int8_t *restrict weight, const uint8_t *restrict times, const float *restrict weight_scale,
	const float *restrict bias, const int16_t *restrict x, const float *restrict x_scale, float *restrict y, int tokens, int in, int out) {
	int16_t rows[ROWS * WIDEST];
	for (int o = 0; o < out; o += ROWS, weight += ROWS * in, times += ROWS * in / SPAN) {
		for (int s = 0; s < ROWS * in / SPAN; s++)
			for (int i = 0; i < SPAN; i++)
				rows[s * SPAN + i] = weight[s * SPAN + i] * times[s];
		for (int t = 0; t < tokens; t += TILE) {
			int32_t sum[TILE][ROWS];
			tile(rows, x + (size_t)t * in, sum, in);
			for (int i = 0; i < TILE; i++)
				for (int r = 0; r < ROWS; r++)
					y[(size_t)(t + i) * out + o + r] = bias[o + r] + weight_scale[o + r] * x_scale[t + i] * sum[i][r];
		}
	}
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define FOR_AVX2 __attribute__((target("avx2")))

// EIGHT sums of 32 bits fit into a register. A tile by hand is STEP tokens times the PANEL rows of two
// registers: a pair of numbers of a token is multiplied with a pair of each row at once, and nothing need be
// added up across a register. For that the rows stand upright: a pair of each, then the next pair of each.
// ADD adds to a sum where it is, now: GCC would rather multiply a whole tile first and then add, and has no
// room for that.
#define ADD(size, sum, number) __asm__ volatile("vpadd" size " %1, %0, %0" : "+x"(sum) : "x"(number))

// spread reads eight weights of each of two rows that are four apart.
FOR_AVX2 static inline __m256i spread(const int8_t *weight, int in, __m256i times) {
	__m128i both = _mm_unpacklo_epi64(_mm_loadu_si64(weight), _mm_loadu_si64(weight + 4 * in));
	return _mm256_mullo_epi16(_mm256_cvtepi8_epi16(both), times);
}

// raise lets eight rows stand upright.
FOR_AVX2 static inline void raise(int16_t *upright, const int8_t *weight, const uint8_t *times, int in) {
	for (int i = 0; i < in; i += SPAN) {
		__m256i by[4], row[4];
		for (int r = 0; r < 4; r++)
			by[r] = _mm256_set_m128i(_mm_set1_epi16(times[((r + 4) * in + i) / SPAN]), _mm_set1_epi16(times[(r * in + i) / SPAN]));
		for (int half = 0; half < SPAN; half += EIGHT, upright += 8 * PANEL) {
			for (int r = 0; r < 4; r++)
				row[r] = spread(weight + r * in + i + half, in, by[r]);
			__m256i ab = _mm256_unpacklo_epi32(row[0], row[1]), cd = _mm256_unpacklo_epi32(row[2], row[3]);
			_mm256_store_si256((__m256i *)upright, _mm256_unpacklo_epi64(ab, cd));
			_mm256_store_si256((__m256i *)(upright + 2 * PANEL), _mm256_unpackhi_epi64(ab, cd));
			ab = _mm256_unpackhi_epi32(row[0], row[1]), cd = _mm256_unpackhi_epi32(row[2], row[3]);
			_mm256_store_si256((__m256i *)(upright + 4 * PANEL), _mm256_unpacklo_epi64(ab, cd));
			_mm256_store_si256((__m256i *)(upright + 6 * PANEL), _mm256_unpackhi_epi64(ab, cd));
		}
	}
}

// tile_by_hand multiplies some tokens, at most STEP, with a panel.
FOR_AVX2 INLINE void tile_by_hand(const int16_t *restrict upright, const int16_t *restrict x, const float *restrict x_scale,
	const float *restrict weight_scale, const float *restrict bias, float *restrict y, const int tokens, int in, int out) {
	__m256i sum[STEP][2];
#pragma GCC unroll 8
	for (int t = 0; t < tokens; t++)
		sum[t][0] = sum[t][1] = _mm256_setzero_si256();
	for (int i = 0; i < in; i += 2, upright += 2 * PANEL) {
		__m256i left = _mm256_load_si256((const __m256i *)upright), right = _mm256_load_si256((const __m256i *)(upright + 2 * EIGHT));
#pragma GCC unroll 8
		for (int t = 0; t < tokens; t++) {
			int32_t pair;
			memcpy(&pair, x + t * in + i, sizeof pair);
			__m256i pairs = _mm256_set1_epi32(pair);
			ADD("d", sum[t][0], _mm256_madd_epi16(pairs, left));
			ADD("d", sum[t][1], _mm256_madd_epi16(pairs, right));
		}
	}
#pragma GCC unroll 8
	for (int t = 0; t < tokens; t++)
#pragma GCC unroll 2
		for (int e = 0; e < 2; e++) {
			__m256 scale = _mm256_mul_ps(_mm256_loadu_ps(weight_scale + e * EIGHT), _mm256_set1_ps(x_scale[t]));
			__m256 all = _mm256_add_ps(_mm256_loadu_ps(bias + e * EIGHT), _mm256_mul_ps(scale, _mm256_cvtepi32_ps(sum[t][e])));
			_mm256_storeu_ps(y + (size_t)t * out + e * EIGHT, all);
		}
}

FOR_AVX2 static void dense_by_hand(const int8_t *restrict weight, const uint8_t *restrict times, const float *restrict weight_scale,
	const float *restrict bias, const int16_t *restrict x, const float *restrict x_scale, float *restrict y, int tokens, int in, int out) {
	int16_t upright[PANEL * WIDEST] __attribute__((aligned(32)));
	for (int o = 0; o < out; o += PANEL, weight += PANEL * in, times += PANEL * in / SPAN) {
		raise(upright, weight, times, in);
		raise(upright + 2 * EIGHT, weight + EIGHT * in, times + EIGHT * in / SPAN, in);
		for (int next = 0; next < PANEL * in; next += 64) // it comes while this one is multiplied
			__builtin_prefetch(weight + PANEL * in + next, 0, 2);
		int t = 0;
		for (; t + STEP / 2 < tokens; t += STEP)
			tile_by_hand(upright, x + (size_t)t * in, x_scale + t, weight_scale + o, bias + o, y + (size_t)t * out + o, STEP, in, out);
		if (t < tokens)
			tile_by_hand(upright, x + (size_t)t * in, x_scale + t, weight_scale + o, bias + o, y + (size_t)t * out + o, STEP / 2, in, out);
	}
}

enum way best_way(void) {
	if (!__builtin_cpu_supports("avx2"))
		return ANYWHERE;
	return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") ? VNNI : AVX2;
}
#else
#define dense_by_hand dense_anywhere
enum way best_way(void) { return ANYWHERE; }
#endif

void dense(enum way way, const int8_t *weight, const uint8_t *times, const float *weight_scale, const float *bias,
	const int16_t *x, const float *x_scale, float *y, int tokens, int in, int out) {
	(way ? dense_by_hand : dense_anywhere)(weight, times, weight_scale, bias, x, x_scale, y, tokens, in, out);
}

// split is quantize for blocks.
FAST void split(const float *restrict x, int8_t *restrict q, float *restrict scale, int32_t *restrict lift, int tokens, int width) {
	for (int b = 0; b < tokens * width / BLOCK; b++, x += BLOCK, q += BLOCK) {
		float most = 0;
		int32_t all = 0;
#pragma omp simd reduction(max : most)
		for (int i = 0; i < BLOCK; i++)
			most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
		float up = most > 0 ? 127 / most : 0;
#pragma omp simd reduction(+ : all)
		for (int i = 0; i < BLOCK; i++) {
			int32_t n = (int32_t)(x[i] * up + 12582912.0f - 12582912.0f);
			q[i] = (int8_t)n;
			all += n;
		}
		scale[b] = most / 127;
		lift[b] = -LIFT * all;
	}
}

// Packed weights lie as they are used: PANEL rows at a time, of these a block, and of this FOUR numbers of each
// row. They are the low halves of the bytes; the high halves are the block's second half.
enum { FOUR = 4, GROUPS = BLOCK / FOUR, HALF = PANEL * BLOCK / 2 };

// unpack gives every number of a panel a byte of its own.
INLINE void unpack(const uint8_t *restrict packed, void *restrict panel, int in) {
	uint8_t *to = panel;
	for (int b = 0; b < in / BLOCK; b++, packed += HALF, to += 2 * HALF)
		for (int i = 0; i < HALF; i++) {
			to[i] = packed[i] & 15;
			to[HALF + i] = packed[i] >> 4;
		}
}

// unpack_anywhere gives it 16 bits, and lets the rows stand upright: the first number of each, then the second.
INLINE void unpack_anywhere(const uint8_t *restrict packed, void *restrict panel, int in) {
	int16_t *to = panel;
	for (int b = 0; b < in / BLOCK; b++, packed += HALF, to += 2 * HALF)
		for (int i = 0; i < HALF; i++) {
			int r = i / FOUR % PANEL, number = i / (FOUR * PANEL) * FOUR + i % FOUR;
			to[number * PANEL + r] = packed[i] & 15;
			to[HALF + number * PANEL + r] = packed[i] >> 4;
		}
}

// A block function adds to some rows of y, at most STEP, what one block of a panel gives.
typedef void block(const void *panel, const float *weight_scale, const int8_t *x, const float *x_scale, const int32_t *x_lift,
	float y[STEP][PANEL], const int tokens, int in);

// Sixteen products of at most 15 * 127 add up in 16 bits.
typedef int16_t upright __attribute__((vector_size(2 * PANEL)));

INLINE void block_anywhere(const void *restrict panel, const float *restrict weight_scale, const int8_t *restrict x, const float *restrict x_scale,
	const int32_t *restrict x_lift, float y[STEP][PANEL], const int tokens, int in) {
	for (int t = 0; t < tokens; t++, x += in, x_scale += in / BLOCK, x_lift += in / BLOCK) {
		const upright *number = panel;
		upright half[2] = {{0}, {0}};
		for (int h = 0; h < 2; h++)
			for (int i = 0; i < BLOCK / 2; i++)
				half[h] += *number++ * x[h * BLOCK / 2 + i];
		for (int r = 0; r < PANEL; r++)
			y[t][r] += weight_scale[r] * *x_scale * (half[0][r] + half[1][r] + *x_lift);
	}
}

// panels goes through all weights once, and through all tokens for each panel.
INLINE void panels(void unpack(const uint8_t *, void *, int), block add, const int size, const uint8_t *packed, const float *weight_scale, const float *bias,
	const int8_t *x, const float *x_scale, const int32_t *x_lift, float *y, int tokens, int in, int out) {
	uint8_t panel[2 * PANEL * WIDEST] __attribute__((aligned(64))); // numbers of size bytes
	const int blocks = in / BLOCK;
	for (int o = 0; o < out; o += PANEL, packed += PANEL * in / 2, weight_scale += PANEL * blocks) {
		unpack(packed, panel, in);
		for (int t = 0; t < tokens; t += STEP) {
			float sum[STEP][PANEL] __attribute__((aligned(64)));
			for (int i = 0; i < STEP; i++)
				memcpy(sum[i], bias + o, sizeof sum[i]);
			for (int b = 0; b < blocks; b++) {
				const uint8_t *numbers = panel + b * size * 2 * HALF;
				int at = t * blocks + b;
				if (t + STEP / 2 < tokens)
					add(numbers, weight_scale + PANEL * b, x + (size_t)at * BLOCK, x_scale + at, x_lift + at, sum, STEP, in);
				else
					add(numbers, weight_scale + PANEL * b, x + (size_t)at * BLOCK, x_scale + at, x_lift + at, sum, STEP / 2, in);
			}
			for (int i = 0; i < STEP && t + i < tokens; i++)
				memcpy(y + (size_t)(t + i) * out + o, sum[i], sizeof sum[i]);
		}
	}
}

FAST static void dense_packed_anywhere(const uint8_t *packed, const float *weight_scale, const float *bias,
	const int8_t *x, const float *x_scale, const int32_t *x_lift, float *y, int tokens, int in, int out) {
	panels(unpack_anywhere, block_anywhere, 2, packed, weight_scale, bias, x, x_scale, x_lift, y, tokens, in, out);
}

#if defined(__x86_64__) && defined(__GNUC__)
// block_avx2 adds pairs up in 16 bits first: eight times two products of at most 15 * 127 have room there.
FOR_AVX2 INLINE void block_avx2(const void *restrict panel, const float *restrict weight_scale, const int8_t *restrict x, const float *restrict x_scale,
	const int32_t *restrict x_lift, float y[STEP][PANEL], const int tokens, int in) {
	const __m256i *rows = panel;
	__m256i sum[STEP][2];
#pragma GCC unroll 8
	for (int t = 0; t < tokens; t++)
		sum[t][0] = sum[t][1] = _mm256_setzero_si256();
#pragma GCC unroll 1
	for (int g = 0; g < GROUPS; g++) {
		__m256i left = _mm256_load_si256(rows++), right = _mm256_load_si256(rows++);
#pragma GCC unroll 8
		for (int t = 0; t < tokens; t++) {
			int32_t four;
			memcpy(&four, x + t * in + g * FOUR, sizeof four);
			__m256i fours = _mm256_set1_epi32(four);
			ADD("w", sum[t][0], _mm256_maddubs_epi16(left, fours));
			ADD("w", sum[t][1], _mm256_maddubs_epi16(right, fours));
		}
	}
#pragma GCC unroll 8
	for (int t = 0; t < tokens; t++) {
		__m256i lift = _mm256_set1_epi32(x_lift[t * (in / BLOCK)]);
		__m256 step = _mm256_set1_ps(x_scale[t * (in / BLOCK)]);
#pragma GCC unroll 2
		for (int e = 0; e < 2; e++) {
			__m256i all = _mm256_add_epi32(_mm256_madd_epi16(sum[t][e], _mm256_set1_epi16(1)), lift);
			__m256 scale = _mm256_mul_ps(_mm256_loadu_ps(weight_scale + e * EIGHT), step);
			_mm256_store_ps(y[t] + e * EIGHT, _mm256_add_ps(_mm256_load_ps(y[t] + e * EIGHT), _mm256_mul_ps(scale, _mm256_cvtepi32_ps(all))));
		}
	}
}

FOR_AVX2 static void dense_packed_avx2(const uint8_t *packed, const float *weight_scale, const float *bias,
	const int8_t *x, const float *x_scale, const int32_t *x_lift, float *y, int tokens, int in, int out) {
	panels(unpack, block_avx2, 1, packed, weight_scale, bias, x, x_scale, x_lift, y, tokens, in, out);
}

#define FOR_VNNI __attribute__((target("avx512bw,avx512vnni")))

// block_vnni multiplies and adds up four numbers of each row at once.
FOR_VNNI INLINE void block_vnni(const void *restrict panel, const float *restrict weight_scale, const int8_t *restrict x, const float *restrict x_scale,
	const int32_t *restrict x_lift, float y[STEP][PANEL], const int tokens, int in) {
	const __m512i *rows = panel;
	__m512i sum[STEP];
#pragma GCC unroll 8
	for (int t = 0; t < tokens; t++)
		sum[t] = _mm512_set1_epi32(x_lift[t * (in / BLOCK)]);
#pragma GCC unroll 8
	for (int g = 0; g < GROUPS; g++) {
		__m512i numbers = _mm512_load_si512(rows++);
#pragma GCC unroll 8
		for (int t = 0; t < tokens; t++) {
			int32_t four;
			memcpy(&four, x + t * in + g * FOUR, sizeof four);
			sum[t] = _mm512_dpbusd_epi32(sum[t], numbers, _mm512_set1_epi32(four));
		}
	}
#pragma GCC unroll 8
	for (int t = 0; t < tokens; t++) {
		__m512 scale = _mm512_mul_ps(_mm512_loadu_ps(weight_scale), _mm512_set1_ps(x_scale[t * (in / BLOCK)]));
		_mm512_store_ps(y[t], _mm512_add_ps(_mm512_load_ps(y[t]), _mm512_mul_ps(scale, _mm512_cvtepi32_ps(sum[t]))));
	}
}

FOR_VNNI static void dense_packed_vnni(const uint8_t *packed, const float *weight_scale, const float *bias,
	const int8_t *x, const float *x_scale, const int32_t *x_lift, float *y, int tokens, int in, int out) {
	panels(unpack, block_vnni, 1, packed, weight_scale, bias, x, x_scale, x_lift, y, tokens, in, out);
}
#else
#define dense_packed_avx2 dense_packed_anywhere
#define dense_packed_vnni dense_packed_anywhere
#endif

void dense_packed(enum way way, const uint8_t *packed, const float *weight_scale, const float *bias,
	const int8_t *x, const float *x_scale, const int32_t *x_lift, float *y, int tokens, int in, int out) {
	(way == VNNI ? dense_packed_vnni : way == AVX2 ? dense_packed_avx2 : dense_packed_anywhere)(packed, weight_scale, bias, x, x_scale, x_lift, y, tokens, in, out);
}

// power is e to the x for x ≤ 0, off by less than 2e-7 of it, and 0 from e^-88 on. A loop over it becomes
// vector code; a loop over expf, or over a branch, does not.
INLINE float power(float x) {
	float n = x * 1.44269504f + 12582912.0f - 12582912.0f; // the whole powers of two
	float f = x - n * 0.693359375f + n * 2.12194440e-4f;   // what is left, at most ½ ln 2 away from 0
	float p = 1 + f * (1 + f * (1 / 2.0f + f * (1 / 6.0f + f * (1 / 24.0f + f * (1 / 120.0f + f * (1 / 720.0f))))));
	int32_t exponent = (int32_t)n + 127;
	int32_t bits = (exponent > 0 ? exponent : 0) << 23; // 2 to the n, or 0
	float two;
	memcpy(&two, &bits, sizeof two);
	return p * two;
}

// mix fills STEP rows of y, WIDE numbers each: the sum of rows, each times what share says of it, times by. As
// many at once as there are registers for their sums.
INLINE void mix(float *restrict y, size_t y_row, const float *restrict share, size_t share_row, const float *restrict rows, int count, const float *by) {
	lanes sum[STEP][WIDE / LANES];
#pragma GCC unroll 8
	for (int t = 0; t < STEP; t++)
#pragma GCC unroll 8
		for (int l = 0; l < WIDE / LANES; l++)
			sum[t][l] = (lanes){0};
	for (int i = 0; i < count; i++, rows += WIDE) {
		lanes part[WIDE / LANES];
#pragma GCC unroll 8
		for (int l = 0; l < WIDE / LANES; l++)
			memcpy(&part[l], rows + l * LANES, sizeof(lanes));
#pragma GCC unroll 8
		for (int t = 0; t < STEP; t++)
#pragma GCC unroll 8
			for (int l = 0; l < WIDE / LANES; l++)
				sum[t][l] += share[t * share_row + i] * part[l];
	}
#pragma GCC unroll 8
	for (int t = 0; t < STEP; t++)
#pragma GCC unroll 8
		for (int l = 0; l < WIDE / LANES; l++) {
			sum[t][l] *= by[t];
			memcpy(y + t * y_row + l * LANES, &sum[t][l], sizeof(lanes));
		}
}

// across adds up the sums of WIDE numbers each.
INLINE float across(float sum[WIDE]) {
	for (int n = WIDE / 2; n > 0; n /= 2)
		for (int i = 0; i < n; i++)
			sum[i] += sum[i + n];
	return sum[0];
}

// softmax turns n scores into shares, and says what the shares must be multiplied with for a sum of 1. There is
// room for a multiple of WIDE.
INLINE float softmax(float *x, int n) {
	float most = x[0], sum[WIDE] = {0};
#pragma omp simd reduction(max : most)
	for (int i = 0; i < n; i++)
		most = x[i] > most ? x[i] : most;
	for (int i = 0; i < n; i++)
		x[i] = power(x[i] - most);
	for (int i = n; i % WIDE; i++)
		x[i] = 0;
	for (int i = 0; i < n; i += WIDE)
		for (int l = 0; l < WIDE; l++)
			sum[l] += x[i + l];
	return 1 / across(sum);
}

// attend lets every token look at every other, head by head. A row of qkv is query, key and value of a
// token, each heads * HEAD wide. Keys come to lie upright in blocks of WIDE tokens, so that scores are a mix of
// keys as the outcome is a mix of values. room holds (2 * HEAD + STEP) * (tokens + WIDE - 1) floats; qkv and y
// have room for a multiple of STEP rows.
FAST void attend(const float *restrict qkv, float *restrict y, float *restrict room, int tokens, int heads) {
	int width = heads * HEAD, row = 3 * width, padded = (tokens + WIDE - 1) / WIDE * WIDE;
	float *keys = room, *values = keys + HEAD * padded, *score = values + HEAD * padded;
	float down[STEP], by[STEP];
	for (int t = 0; t < STEP; t++)
		down[t] = 1 / sqrtf(HEAD);
	memset(keys, 0, sizeof(float) * HEAD * padded);
	for (int h = 0; h < heads; h++, qkv += HEAD, y += HEAD) {
		for (int t = 0; t < tokens; t++) {
			const float *key = qkv + (size_t)t * row + width, *value = key + width;
			for (int i = 0; i < HEAD; i++)
				keys[(t / WIDE * HEAD + i) * WIDE + t % WIDE] = key[i];
			for (int i = 0; i < HEAD; i += WIDE)
				memcpy(values + i * padded + t * WIDE, value + i, sizeof(float) * WIDE);
		}
		for (int t = 0; t < tokens; t += STEP) {
			for (int k = 0; k < padded; k += WIDE)
				mix(score + k, padded, qkv + (size_t)t * row, row, keys + k * HEAD, HEAD, down);
			for (int i = 0; i < STEP; i++)
				by[i] = softmax(score + i * padded, tokens);
			for (int i = 0; i < HEAD; i += WIDE)
				mix(y + (size_t)t * width + i, width, score, padded, values + i * padded, tokens, by);
		}
	}
}

// add_norm adds y to x and brings each row to mean 0 and variance 1, then stretches it by gain and moves it by bias.
FAST void add_norm(float *restrict x, const float *restrict y, const float *restrict gain, const float *restrict bias,
	float epsilon, int tokens, int width) {
	for (int t = 0; t < tokens; t++, x += width, y += width) {
		float sum[WIDE] = {0}, square[WIDE] = {0};
		for (int i = 0; i < width; i += WIDE)
			for (int l = 0; l < WIDE; l++)
				sum[l] += x[i + l] += y[i + l];
		float mean = across(sum) / width;
		for (int i = 0; i < width; i += WIDE)
			for (int l = 0; l < WIDE; l++)
				square[l] += (x[i + l] - mean) * (x[i + l] - mean);
		float by = 1 / sqrtf(across(square) / width + epsilon);
		for (int i = 0; i < width; i++)
			x[i] = (x[i] - mean) * by * gain[i] + bias[i];
	}
}

// gelu is x times the share of a normal distribution below x, with the error function of Abramowitz and
// Stegun 7.1.26, off by less than 2e-7.
FAST void gelu(float *restrict x, int n) {
	for (int i = 0; i < n; i++) {
		float z = fabsf(x[i]) * 0.707106781f, t = 1 / (1 + 0.3275911f * z);
		float tail = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f)))) * power(-z * z);
		x[i] = 0.5f * (x[i] + fabsf(x[i]) * (1 - tail));
	}
}
