package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// SocketName is the name of the unix socket in the state directory.
const SocketName = "switchman.sock"

// maxSocketPath is what sun_path holds on Linux, with its final zero (unix(7)).
const maxSocketPath = 107

// connKey finds the facts about the connection a request came in on. net/http offers no other way
// from a connection to its requests than the context; nothing else of ours travels in one.
type connKey struct{}

// conn is what the kernel says about the other end.
type conn struct {
	socket bool // came in over the unix socket
	phone  bool // came in over the listener for telephones
	uid    int  // owner of the process at the other end; -1 where not known
}

func connOf(ctx context.Context) conn {
	c, ok := ctx.Value(connKey{}).(conn)
	if !ok {
		return conn{uid: -1}
	}
	return c
}

// withConn is http.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	found := conn{uid: -1}
	if u, ok := c.(*net.UnixConn); ok {
		found.socket = true
		if uid, err := peer(u); err == nil {
			found.uid = uid
		}
	}
	return context.WithValue(ctx, connKey{}, found)
}

// withPhone is http.Server.ConnContext of the listener for telephones.
func withPhone(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn{uid: -1, phone: true})
}

// peer asks the kernel who connected; the other end cannot lie about it (unix(7), SO_PEERCRED).
func peer(c *net.UnixConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("asking who connected: %w", err)
	}
	uid := -1
	var inner error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			inner = err
			return
		}
		uid = int(cred.Uid)
	})
	return uid, errors.Join(err, inner)
}

// listenSocket opens the unix socket. A socket left behind by a crash is taken over, but only when
// nobody answers on it.
func listenSocket(ctx context.Context, path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("opening the socket %s: its path has %d bytes, a unix socket allows %d; choose a shorter state directory", path, len(path), maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	if err := clearStale(ctx, path); err != nil {
		return nil, err
	}
	// Binding under a narrow name first and renaming it when its mode is right leaves no moment
	// in which somebody else could connect.
	narrow := path + ".new"
	if err := os.Remove(narrow); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", narrow)
	if err != nil {
		return nil, fmt.Errorf("opening the socket %s: %w", path, err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	if err := errors.Join(os.Chmod(narrow, 0o600), os.Rename(narrow, path)); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the socket %s: %w", path, err), l.Close())
	}
	return l, nil
}

func clearStale(ctx context.Context, path string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("opening the socket %s: another server answers on it", path), c.Close())
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("looking at the socket %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing the socket a crash left at %s: %w", path, err)
	}
	return nil
}

// loopbackName reports whether the Host header names this machine. Without this, a web page could
// point its own name at 127.0.0.1 and use a demo server through the visitor's browser.
func loopbackName(r *http.Request) bool {
	if connOf(r.Context()).socket {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
