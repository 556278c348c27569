package encoder

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// drawn are numbers like those inside a model.
func drawn(draw *rand.Rand, n int) []float32 {
	all := make([]float32, n)
	for i := range all {
		all[i] = float32(draw.NormFloat64())
	}
	return all
}

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i])-float64(want[i])) > tolerance {
			t.Fatalf("%s: number %d is %v, wanted %v", what, i, got[i], want[i])
		}
	}
}

// agrees multiplies in every way that this processor knows, and compares with what sums of float64 give, off by
// at most tolerance, and with the way that every processor knows.
func agrees(t *testing.T, m matrix, x, weight []float32, tokens int, tolerance float64) {
	t.Helper()
	want := make([]float32, tokens*m.out)
	for i := range want {
		row, column := x[i/m.out*m.in:][:m.in], weight[i%m.out*m.in:][:m.in]
		sum := float64(m.bias[i%m.out])
		for j := range row {
			sum += float64(row[j]) * float64(column[j])
		}
		want[i] = float32(sum)
	}
	var first []float32
	for way := range bestWay() + 1 {
		got := make([]float32, roundUp(tokens)*m.out)
		m.applyBy(way, newSteps(roundUp(tokens), m.in), x, got, tokens)
		near(t, fmt.Sprintf("way %d", way), got, want, tolerance)
		if way == 0 {
			first = got[:len(want)]
		}
		near(t, fmt.Sprintf("way %d beside way 0", way), got, first, 1e-4)
	}
}

// TestDense multiplies around the edges of tiles.
func TestDense(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ tokens, in, out int }{{1, 384, 384}, {2, 384, 1152}, {3, 1536, 384}, {4, 384, 32}, {48, 384, 16}, {49, 384, 16}, {101, 1536, 32}} {
		x, weight, bias := drawn(draw, c.tokens*c.in), drawn(draw, c.in*c.out), drawn(draw, c.out)
		weight[0] = 40 // far out, as some weights are
		steps, times, scale := rounded(weight, c.in)
		for i := range weight { // rounding has a test of its own
			weight[i] = float32(steps[i]) * float32(times[i/span]) * scale[i/c.in]
		}
		agrees(t, matrix{weight: steps, times: times, scale: scale, bias: bias, in: c.in, out: c.out}, x, weight, c.tokens, 0.006*math.Sqrt(float64(c.in)))

		blocks := make([]uint8, packedBytes(len(weight)))
		for i := range blocks {
			blocks[i] = uint8(draw.Uint32())
			if i%blockBytes == 1 {
				blocks[i] = 0x20 // steps of 1/128 to 1/64
			}
		}
		unpack(blocks, weight)
		x[0] = 40
		packed, scale := inPanels(blocks, c.in)
		agrees(t, matrix{packed: packed, scale: scale, bias: bias, in: c.in, out: c.out}, x, weight, c.tokens, 0.006*math.Sqrt(float64(c.in)))
	}
}

// TestRounded: a number far out makes coarse what is beside it, and not the rest of its row.
func TestRounded(t *testing.T) {
	weight := drawn(rand.New(rand.NewPCG(7, 8)), width)
	weight[0] = 40
	steps, times, scale := rounded(weight, width)
	for i, want := range weight {
		got, most := float32(steps[i])*float32(times[i/span])*scale[0], 0.51*40/(127*mostTimes)
		if i < span {
			most = 0.51 * 40 / 127
		}
		if math.Abs(float64(got-want)) > most {
			t.Errorf("weight %d is %v, wanted %v", i, got, want)
		}
	}
}

// TestLargestNumbers lets every number be as large as it can: no sum may overflow.
func TestLargestNumbers(t *testing.T) {
	for _, in := range []int{384, 1536} {
		x, weight := make([]float32, in), make([]float32, 16*in)
		for i := range x {
			x[i] = 1
			for r := range 16 {
				weight[r*in+i] = 1 - 2*float32(r%2)
			}
		}
		steps, times, scale := rounded(weight, in)
		agrees(t, matrix{weight: steps, times: times, scale: scale, bias: make([]float32, 16), in: in, out: 16}, x, weight, 1, 0.01)

		blocks := make([]uint8, packedBytes(len(weight)))
		for i := range blocks {
			blocks[i] = uint8(0xff * (i / packedBytes(in) % 2)) // 7 or -8 in every place
			if i%blockBytes < 2 {
				blocks[i] = []uint8{0, 0x3c}[i%blockBytes] // a step of 1
			}
		}
		unpack(blocks, weight)
		packed, scale := inPanels(blocks, in)
		agrees(t, matrix{packed: packed, scale: scale, bias: make([]float32, 16), in: in, out: 16}, x, weight, 1, 0.01)
	}
}

func TestAttend(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	for _, tokens := range []int{1, 5, 6, 7, 16, 17, 33} {
		qkv := drawn(draw, roundUp(tokens)*3*width)
		got, want := make([]float32, roundUp(tokens)*width), make([]float32, tokens*width)
		attend(qkv, got, make([]float32, attentionRoom(tokens)), tokens)
		for i := range want {
			token, h := i/width, i%width/head*head
			var sum, weighed float64
			for other := range tokens {
				var score float64
				for j := range head {
					score += float64(qkv[token*3*width+h+j]) * float64(qkv[other*3*width+width+h+j])
				}
				share := math.Exp(score / math.Sqrt(head))
				sum += share
				weighed += share * float64(qkv[other*3*width+2*width+i%width])
			}
			want[i] = float32(weighed / sum)
		}
		near(t, "attend", got, want, 1e-5)
	}
}

func TestNormalAndGelu(t *testing.T) {
	draw := rand.New(rand.NewPCG(5, 6))
	x, y, n := drawn(draw, width), drawn(draw, width), normal{drawn(draw, width), drawn(draw, width)}
	var mean, square float64
	for i := range x {
		mean += float64(x[i]+y[i]) / width
	}
	for i := range x {
		square += math.Pow(float64(x[i]+y[i])-mean, 2) / width
	}
	want := make([]float32, width)
	for i := range x {
		want[i] = float32((float64(x[i]+y[i])-mean)/math.Sqrt(square))*n.gain[i] + n.bias[i]
	}
	n.add(x, y, 1e-12, 1, width)
	near(t, "add", x, want, 1e-5)

	var numbers, smooth []float32
	for f := -120.0; f < 120; f += 0.0625 {
		numbers = append(numbers, float32(f))
		smooth = append(smooth, float32(f*0.5*(1+math.Erf(f/math.Sqrt2))))
	}
	gelu(numbers)
	near(t, "gelu", numbers, smooth, 2e-6)
}

func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float64{0: 0, 0x3c00: 1, 0xc000: -2, 0x3555: 0.333251953125, 0x7bff: 65504, 1: 1 / float64(1<<24), 0x83ff: -1023 / float64(1<<24), 0x7c00: math.Inf(1)} {
		if got := half(bits); float64(got) != want {
			t.Errorf("%#04x is %v, wanted %v", bits, got, want)
		}
	}
}
