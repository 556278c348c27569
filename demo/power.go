package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
)

// The demo itself has a control socket, for what no site can do to itself: `demo-node east kill` is
// kill -9, `demo-node east power-on` starts it again with what is in its files; `demo-node bank break WHAT`
// breaks something as the console's buttons do, and mend ends it.
const powerSocket = "demo"

func isPower(verb string) bool {
	return verb == "kill" || verb == "power-on" || verb == "break" || verb == "mend"
}

// openPower listens for power orders until ctx ends or the estate stops. The socket of a killed
// demo is replaced; the port block keeps two living demos apart.
func (e *Estate) openPower() error {
	path := socketPath(e.dir, powerSocket)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("opening the demo's socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("opening the demo's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		ln.Close()
		return fmt.Errorf("opening the demo's socket: %w", err)
	}
	e.power = ln
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go e.switchPower(c)
		}
	}()
	return nil
}

func (e *Estate) switchPower(c net.Conn) {
	defer c.Close()
	enc := json.NewEncoder(c)
	exit, line := 2, "usage: demo-node east|west kill|power-on; demo-node bank break|mend "+strings.Join(Breaks(), "|")
	o, err := readOrder(bufio.NewReader(c))
	if err == nil && len(o.Args) == 2 && slices.Contains(Breaks(), o.Args[1]) {
		exit, line = 0, "ok: "+o.Args[0]+" "+o.Args[1]
		if err = e.turn(context.Background(), o.Args[1], o.Args[0] == "break"); err != nil {
			exit, line = 1, "failed: "+err.Error()
		}
	} else if err == nil && (o.Node == East || o.Node == West) && len(o.Args) == 1 && isPower(o.Args[0]) {
		exit, line = 0, fmt.Sprintf("ok: site %s, %s", o.Node, o.Args[0])
		if o.Args[0] == "kill" {
			err = e.Kill(o.Node)
		} else {
			err = e.Restart(context.Background(), o.Node)
		}
		if err != nil {
			exit, line = 1, "failed: "+err.Error()
		}
	}
	enc.Encode(told{Line: line, Exit: &exit})
}
