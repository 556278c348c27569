package encoder

import "math"

// rounded writes a matrix as [dense] reads it. One large number in a row would make the steps of all the
// others large too; so a row has steps that are fine enough for most of its spans, and a span with a large
// number counts several steps as one.
func rounded(m []float32, width int) (weight []int8, times []uint8, scale []float32) {
	weight, times, scale = make([]int8, len(m)), make([]uint8, len(m)/span), make([]float32, len(m)/width)
	for at := 0; at < len(m); at += span {
		row := at / width
		if at%width == 0 {
			scale[row] = largest(m[at:at+width]) / (127 * mostTimes)
		}
		if scale[row] == 0 {
			continue
		}
		numbers := m[at : at+span]
		n := min(max(1, math.Ceil(float64(largest(numbers))/(127*float64(scale[row])))), mostTimes)
		times[at/span] = uint8(n)
		toSteps(weight[at:at+span], numbers, float64(scale[row])*n)
	}
	return weight, times, scale
}

// inPanels takes a matrix in published blocks apart, into numbers and steps, and puts it together as
// [dense_packed] reads it.
func inPanels(blocks []uint8, width int) (packed []uint8, scale []float32) {
	perRow, n := width/block, len(blocks)/blockBytes
	packed, scale = make([]uint8, n*block/2), make([]float32, n)
	for i := range n {
		row, b := i/perRow, blocks[i*blockBytes:][:blockBytes]
		at := (row/panel*perRow+i%perRow)*panel + row%panel // of the step; four bytes are as far apart as panels are wide
		scale[at] = half(uint16(b[0]) | uint16(b[1])<<8)
		first := at/panel*panel*block/2 + row%panel*4
		for j, numbers := range b[2:] {
			packed[first+j/4*panel*4+j%4] = numbers
		}
	}
	return packed, scale
}

// roundedRows writes a matrix with one size of step for each row.
func roundedRows(m []float32, width int) (weight []int8, scale []float32) {
	weight, scale = make([]int8, len(m)), make([]float32, len(m)/width)
	for r := range scale {
		row := m[r*width : (r+1)*width]
		if scale[r] = largest(row) / 127; scale[r] > 0 {
			toSteps(weight[r*width:], row, float64(scale[r]))
		}
	}
	return weight, scale
}

func toSteps(steps []int8, numbers []float32, size float64) {
	for i, f := range numbers {
		steps[i] = int8(min(max(math.RoundToEven(float64(f)/size), -127), 127))
	}
}

func largest(numbers []float32) float32 {
	most := float32(0)
	for _, f := range numbers {
		most = max(most, f, -f)
	}
	return most
}

// half reads a float of 16 bits.
func half(bits uint16) float32 {
	sign, exponent, fraction := uint32(bits&0x8000)<<16, uint32(bits>>10)&31, uint32(bits&1023)
	switch exponent {
	case 0: // too small for an exponent
		return math.Float32frombits(sign|127<<23) * float32(fraction) / (1 << 24)
	case 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
