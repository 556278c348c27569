//go:build screens

package console

import (
	"os"
	"testing"

	"github.com/switchman-dr/switchman/store/storetest"
)

// TestScreens takes the pictures of `make screenshots`; it is a test only to have a PostgreSQL while it does.
func TestScreens(t *testing.T) {
	t.Logf("%s", run(t, append(os.Environ(), "SWITCHMAN=../../bin/switchman", "POSTGRES="+storetest.Postgres(t)), "node", "shoot.mjs", "../../var/screens"))
}
