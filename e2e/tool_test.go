package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// toolMain stands in for a bank's own commands. Facts are files under $TOOL_DIR, one per node and
// key; every effect appends a line with the step's token, so that an effect made twice shows.
func toolMain() int {
	args := os.Args[1:]
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: tool VERB …")
		return 2
	}
	dir := os.Getenv("TOOL_DIR")
	fact := func() string { return filepath.Join(dir, args[1]+"."+args[2]) }
	switch args[0] {
	case "true":
		return 0
	case "false", "fail":
		fmt.Println("as told, this fails")
		return 3
	case "hang":
		time.Sleep(time.Hour)
	case "set":
		return toolSet(fact(), dir, args)
	case "unset":
		if err := os.Remove(fact()); err != nil && !os.IsNotExist(err) {
			return 1
		}
		return 0
	case "is", "not":
		_, err := os.Stat(fact())
		if _, blind := os.Stat(filepath.Join(dir, args[1]+".blind")); blind == nil {
			fmt.Println("cannot tell")
			return 7
		}
		if (err == nil) == (args[0] == "is") {
			return 0
		}
		return 1
	}
	fmt.Fprintln(os.Stderr, "tool: unknown verb", args[0])
	return 2
}

func toolSet(fact, dir string, args []string) int {
	if b, err := os.ReadFile(filepath.Join(dir, args[1]+".slow")); err == nil {
		d, _ := time.ParseDuration(strings.TrimSpace(string(b)))
		time.Sleep(d)
	}
	if _, err := os.Stat(filepath.Join(dir, args[1]+".broken")); err == nil {
		fmt.Println("broken, as told")
		return 3
	}
	f, err := os.OpenFile(fact, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer f.Close()
	fmt.Fprintln(f, os.Getenv("SWITCHMAN_STEP_TOKEN"))
	fmt.Println(args[1], "is", args[2], "now")
	return 0
}
