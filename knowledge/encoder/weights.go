//go:build weights

package encoder

import _ "embed"

//go:embed weights/minilm.bin
var insideMiniLM string

//go:embed weights/e5.bin
var insideE5 string

// embedded is the weight file that the program carries.
func embedded(kind Kind) string {
	if kind == E5 {
		return insideE5
	}
	return insideMiniLM
}
