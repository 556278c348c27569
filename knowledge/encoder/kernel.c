// Everything that takes time in a transformer, in plain C that a compiler turns into vector instructions:
// loops without branches, and sums of whole numbers or with the word reduction before them. On x86 with
// glibc each function exists for AVX-512, AVX2 and SSE2, and the processor at hand decides at start;
// elsewhere the compiler knows what there is (NEON on arm64).

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
enum { TILE = 2, ROWS = 4 };

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

// dense is y = bias + x · weightᵀ. in is at most WIDEST, out a multiple of ROWS; x, x_scale and y have room for
// a multiple of TILE rows, so that the last tile need not stop early.
FAST void dense(const int8_t *restrict weight, const uint8_t *restrict times, const float *restrict weight_scale,
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

// mix fills y[0..n) with the sum of share[i] times row i. STEP rows at a time keep the stores rare; there
// are a multiple of them.
INLINE void mix(float *restrict y, int n, const float *restrict rows, size_t stride, const float *restrict share, int count) {
	memset(y, 0, sizeof(float) * n);
	for (int i = 0; i < count; i += STEP) {
#pragma omp simd
		for (int j = 0; j < n; j++) {
			float sum = y[j];
			for (int s = 0; s < STEP; s++)
				sum += share[i + s] * rows[(i + s) * stride + j];
			y[j] = sum;
		}
	}
}

// softmax turns n scores into shares of 1.
INLINE void softmax(float *x, int n) {
	float most = x[0], sum = 0;
#pragma omp simd reduction(max : most)
	for (int i = 0; i < n; i++)
		most = x[i] > most ? x[i] : most;
#pragma omp simd reduction(+ : sum)
	for (int i = 0; i < n; i++)
		sum += x[i] = power(x[i] - most);
	float by = 1 / sum;
	for (int i = 0; i < n; i++)
		x[i] *= by;
}

// attend lets every token look at every other, head by head. A row of qkv is query, key and value of a
// token, each heads * HEAD wide. room holds (HEAD + 1) * (tokens + STEP - 1) floats; the rows of qkv have room
// for a multiple of STEP tokens, and those beyond the last are zero.
FAST void attend(const float *restrict qkv, float *restrict y, float *restrict room, int tokens, int heads) {
	int width = heads * HEAD, row = 3 * width, padded = (tokens + STEP - 1) / STEP * STEP;
	float *keys = room, *score = room + (size_t)HEAD * padded, query[HEAD];
	float down = 1 / sqrtf(HEAD);
	for (int h = 0; h < heads; h++) {
		const float *key = qkv + width + h * HEAD, *value = key + width;
		for (int t = 0; t < padded; t++)
			for (int i = 0; i < HEAD; i++)
				keys[i * padded + t] = key[(size_t)t * row + i];
		for (int t = 0; t < tokens; t++) {
			for (int i = 0; i < HEAD; i++)
				query[i] = qkv[(size_t)t * row + h * HEAD + i] * down;
			mix(score, padded, keys, padded, query, HEAD);
			softmax(score, tokens);
			memset(score + tokens, 0, sizeof(float) * (padded - tokens));
			mix(y + (size_t)t * width + h * HEAD, HEAD, value, row, score, padded);
		}
	}
}

// add_norm adds y to x and brings each row to mean 0 and variance 1, then stretches it by gain and moves it by bias.
FAST void add_norm(float *restrict x, const float *restrict y, const float *restrict gain, const float *restrict bias,
	float epsilon, int tokens, int width) {
	for (int t = 0; t < tokens; t++, x += width, y += width) {
		float sum = 0, square = 0;
#pragma omp simd reduction(+ : sum)
		for (int i = 0; i < width; i++)
			sum += x[i] += y[i];
		float mean = sum / width;
#pragma omp simd reduction(+ : square)
		for (int i = 0; i < width; i++)
			square += (x[i] - mean) * (x[i] - mean);
		float by = 1 / sqrtf(square / width + epsilon);
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
