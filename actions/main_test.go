package actions_test

import (
	"os"
	"testing"

	"github.com/switchman-dr/switchman/actions/actionstest"
	"github.com/switchman-dr/switchman/dr"
)

func realClock() dr.Clock { return actionstest.Clock() }

// atExit ends what all tests of this package share.
var atExit []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range atExit {
		f()
	}
	os.Exit(code)
}
