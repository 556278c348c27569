//go:build !weights

package encoder

// embedded is the weight file that the program carries: none in this build.
func embedded(Kind) string { return "" }
