// Command switchman is the whole product in one binary: the server, the demo, and the command line
// that people use when chat is down.
//
// It owns flags, signals, exit codes and text laid out for a terminal. It decides nothing: a
// command reads files, or asks a server through package client, and shows what came back. Secrets
// are asked for without echo or read from standard input, never from arguments, which other
// accounts of the machine can see.
//
// Invariants: with --json, standard output carries JSON and nothing else; the exit code follows
// from the kind of the error alone; an error nobody foresaw is shown as one sentence with a
// reference, and its details are logged beside that reference on standard error.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
)

func main() {
	term := realTerminal()
	if code, ours := term.sampleMain(filepath.Base(os.Args[0]), os.Args[1:]); ours {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, term, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is the command line as a function of what it is given.
func run(ctx context.Context, term *terminal, args []string) int {
	// Asked for even when the arguments cannot be read, so that such an error is JSON too.
	sh := &shell{term: term, json: slices.Contains(args, "--json")}
	root := newRoot(sh)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return sh.finish(err)
}
