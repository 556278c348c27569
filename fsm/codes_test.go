package fsm

import (
	"strings"
	"testing"
)

func FuzzFindCodes(f *testing.F) {
	f.Add("the code is DRC-0000-0000-0000-0")
	f.Add("ＤＲＣ－1234")
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range FindCodes(s) {
			if !strings.HasPrefix(c, "DRC-") {
				t.Fatalf("%q is no code", c)
			}
		}
		_ = NearlyCode(s)
	})
}
