// The arithmetic of a transformer's layer. All matrices lie row after row; a row is one token.

#include <stdint.h>

// Weights are whole numbers of at most 127, times a whole number of at most MOST_TIMES for each SPAN of them.
#define SPAN 16
#define MOST_TIMES 8
#define WIDEST 1536 // most numbers in a row

// Weights may also be whole numbers of four bits, LIFT too large, times the step of their block: as one of
// the models was published.
#define BLOCK 32 // numbers of a row that share a step
#define LIFT 8
#define PANEL 16 // rows that lie together: see packed in kernel.c

#define HEAD 32 // numbers of a token that one head of attention looks at
#define STEP 6 // tokens are looked at so many at a time
#define WIDE 16 // and so many numbers of them

// LIMIT divided by the width of a row bounds what quantize writes, so that no sum can overflow 31 bits.
#define LIMIT (2147483647 / (127 * MOST_TIMES))

// A way to multiply. A processor knows the best one and all before it.
enum way { ANYWHERE, AVX2, VNNI };
enum way best_way(void);

void quantize(const float *x, int16_t *q, float *scale, int tokens, int width);
// dense is y = bias + x · weightᵀ. in is at most WIDEST, out a multiple of PANEL; x, x_scale and y have room for a
// multiple of STEP rows, so that the last tile need not stop early.
void dense(enum way way, const int8_t *weight, const uint8_t *times, const float *weight_scale, const float *bias,
	const int16_t *x, const float *x_scale, float *y, int tokens, int in, int out);
// split writes each row as whole numbers of at most 127 and the size of one step, both for each BLOCK; lift is
// what a block adds to a product because its weights are LIFT too large, taken back.
void split(const float *x, int8_t *q, float *scale, int32_t *lift, int tokens, int width);
// dense_packed is dense for weights of four bits, with x as split writes it.
void dense_packed(enum way way, const uint8_t *packed, const float *weight_scale, const float *bias,
	const int8_t *x, const float *x_scale, const int32_t *x_lift, float *y, int tokens, int in, int out);
void attend(const float *qkv, float *y, float *room, int tokens, int heads);
void add_norm(float *x, const float *y, const float *gain, const float *bias, float epsilon, int tokens, int width);
void gelu(float *x, int n);
