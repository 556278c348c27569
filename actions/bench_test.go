package actions_test

import (
	"io"
	"os/exec"
	"syscall"
	"testing"

	"github.com/switchman-dr/switchman/actions"
)

// BenchmarkExec compares a step with the least that os/exec can do for a program whose output is read.
func BenchmarkExec(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			cmd := exec.Command("/bin/true")
			cmd.Stdout = io.MultiWriter(io.Discard)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	hands := actions.NewSet(actions.Options{Clock: realClock(), SpoolDir: b.TempDir()}).Hands()
	for name, evidence := range map[string][]string{"step": nil, "recorded": {"recording", "output"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				j := job("t", "exec", map[string]any{"argv": []string{"/bin/true"}})
				j.Evidence = evidence
				if r := hands.Do(b.Context(), j); r.State != "ok" {
					b.Fatal(r.Text)
				}
			}
		})
	}
}
