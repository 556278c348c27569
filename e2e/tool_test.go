package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// toolScript stands in for a bank's own commands. Facts are files under $TOOL_DIR, one per node and
// key; every effect appends a line with the step's token, so that an effect made twice shows. A node
// with a fact "slow" takes that long, one that is "broken" fails, of one that is "blind" nobody
// can tell, and one that is "deaf" never answers. It is a shell script because a story starts hundreds of them.
const toolScript = `#!/bin/sh
facts=${TOOL_DIR:?where facts are}
case "$1" in
true) exit 0 ;;
false | fail)
	echo "as told, this fails"
	exit 3
	;;
hang) exec sleep 3600 ;;
set)
	if [ -f "$facts/$2.slow" ]; then
		read -r slow <"$facts/$2.slow" || true
		case "$slow" in
		*ms) sleep "$(printf '0.%03d' "${slow%ms}")" ;;
		*) sleep "$slow" ;;
		esac
	fi
	if [ -e "$facts/$2.broken" ]; then
		echo "broken, as told"
		exit 3
	fi
	echo "$SWITCHMAN_STEP_TOKEN" >>"$facts/$2.$3" || exit 1
	echo "$2 is $3 now"
	;;
count) cat "$facts/$2.rows" || exit 1 ;;
unset) rm -f "$facts/$2.$3" || exit 1 ;;
is | not)
	[ ! -e "$facts/$2.deaf" ] || exec sleep 3600
	if [ -e "$facts/$2.blind" ]; then
		echo "cannot tell"
		exit 7
	fi
	there=not
	[ -e "$facts/$2.$3" ] && there=is
	[ "$there" = "$1" ] || exit 1
	;;
*)
	echo "tool: unknown verb $1" >&2
	exit 2
	;;
esac
`

// toolPath makes the tool command findable and gives the PATH it is found on.
func toolPath(t testing.TB, dir string) string {
	t.Helper()
	path, err := installTool(dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func installTool(dir string) (path string, err error) {
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return "", err
	}
	path, tool := bin+":"+os.Getenv("PATH"), filepath.Join(bin, "tool")
	if _, err := os.Stat(tool); err == nil {
		return path, nil // it may be running
	}
	return path, os.WriteFile(tool, []byte(toolScript), 0o700)
}
