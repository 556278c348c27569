// The arithmetic of a transformer's layer. All matrices lie row after row; a row is one token.

#include <stdint.h>

// Weights are whole numbers of at most 127, times a whole number of at most MOST_TIMES for each SPAN of them.
#define SPAN 16
#define MOST_TIMES 8
#define WIDEST 1536 // most numbers in a row

#define HEAD 32 // numbers of a token that one head of attention looks at
#define STEP 6 // tokens are looked at so many at a time
#define WIDE 16 // and so many numbers of them

// LIMIT divided by the width of a row bounds what quantize writes, so that no sum can overflow 31 bits.
#define LIMIT (2147483647 / (127 * MOST_TIMES))

void quantize(const float *x, int16_t *q, float *scale, int tokens, int width);
// dense is y = bias + x · weightᵀ. in is at most WIDEST, out a multiple of 16; x, x_scale and y have room for a
// multiple of STEP rows, so that the last tile need not stop early. dense_anywhere is the same for any processor.
void dense(const int8_t *weight, const uint8_t *times, const float *weight_scale, const float *bias,
	const int16_t *x, const float *x_scale, float *y, int tokens, int in, int out);
void dense_anywhere(const int8_t *weight, const uint8_t *times, const float *weight_scale, const float *bias,
	const int16_t *x, const float *x_scale, float *y, int tokens, int in, int out);
void attend(const float *qkv, float *y, float *room, int tokens, int heads);
void add_norm(float *x, const float *y, const float *gain, const float *bias, float epsilon, int tokens, int width);
void gelu(float *x, int n);
