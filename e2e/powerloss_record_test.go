//go:build !race

package e2e

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// stroke is one thing a process did to its files, or said, in the order the kernel saw it.
type stroke struct {
	kind string // create, write, truncate, rename, exchange, remove, sync, ack
	path string // its name in the state directory; of sync "." for the directory itself
	to   string // of rename and exchange
	at   int64  // of write; the size of truncate; what ack promises
	data []byte
}

// recording is the strokes of a process, and how it was called.
type recording struct {
	dir     string // the state directory
	strokes []stroke
	at      map[string]int64 // where the next plain write of a descriptor goes
	began   map[string]string
}

// calls is what is asked of strace: everything that changes a file or makes a change durable.
const calls = "trace=openat,open,creat,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"

// record runs the victim under strace and reads what it did below its state directory.
func record(t *testing.T, dir string, env ...string) *recording {
	t.Helper()
	victim := filepath.Join(dir, "switchman-victim")
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, victim)
	}
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "calls")
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "1048576", "-e", calls, "-e", "signal=none", "-o", log, victim, dir)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("recording what is written (strace is needed, and may trace): %v\n%s", err, out)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &recording{dir: filepath.Join(dir, "state"), at: map[string]int64{}, began: map[string]string{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		r.line(t, lines.Text())
	}
	if lines.Err() != nil || len(r.strokes) == 0 {
		t.Fatalf("%d strokes were recorded, %v", len(r.strokes), lines.Err())
	}
	return r
}

var (
	resumed = regexp.MustCompile(`^<\.\.\. \w+ resumed>`)
	said    = regexp.MustCompile(`^write\(1<[^>]*>, "((?:\\x..)*)"`)
	opened  = regexp.MustCompile(`^(?:openat|open|creat)\(.*"[^"]*", ([A-Z_|]+).*= (\d+)<([^>]*)>$`)
	written = regexp.MustCompile(`^p?write(?:64)?\((\d+)<([^>]*)>, "((?:\\x..)*)", \d+(?:, (\d+))?\) += (\d+)$`)
	cut     = regexp.MustCompile(`^ftruncate\(\d+<([^>]*)>, (\d+)\) += 0$`)
	synced  = regexp.MustCompile(`^f(?:data)?sync\(\d+<([^>]*)>\) += 0$`)
	moved   = regexp.MustCompile(`^rename(?:at2?)?\(.*?"([^"]*)", .*?"([^"]*)".*\) += 0$`)
	gone    = regexp.MustCompile(`^unlink(?:at)?\(.*?"([^"]*)".*\) += 0$`)
	number  = regexp.MustCompile(`^ack (\d+)\n$`)
)

// line reads one line of strace. What a process says counts from the moment it begins to say it, everything
// else from the moment the kernel has done it.
func (r *recording) line(t *testing.T, line string) {
	t.Helper()
	pid, call, _ := strings.Cut(line, " ")
	call = strings.TrimSpace(call)
	if m := resumed.FindString(call); m != "" {
		begun, ok := r.began[pid]
		if delete(r.began, pid); ok { // else it was said, and counted when it began
			r.call(t, begun+call[len(m):])
		}
		return
	}
	if m := said.FindStringSubmatch(call); m != nil {
		if n := number.FindSubmatch(plain(t, m[1])); n != nil {
			size, _ := strconv.ParseInt(string(n[1]), 10, 64)
			r.strokes = append(r.strokes, stroke{kind: "ack", at: size})
		}
		return
	}
	if rest, ok := strings.CutSuffix(call, " <unfinished ...>"); ok {
		r.began[pid] = rest
		return
	}
	r.call(t, call)
}

func (r *recording) call(t *testing.T, call string) {
	t.Helper()
	add := func(kind, path, to string, at int64, data []byte) {
		name, ours := r.name(plain(t, path))
		if !ours {
			return
		}
		other, _ := r.name(plain(t, to))
		r.strokes = append(r.strokes, stroke{kind: kind, path: name, to: other, at: at, data: data})
	}
	if m := opened.FindStringSubmatch(call); m != nil {
		r.at[m[2]] = 0
		if strings.Contains(m[1], "O_CREAT") {
			add("create", m[3], "", 0, nil)
		}
		if strings.Contains(m[1], "O_TRUNC") {
			add("truncate", m[3], "", 0, nil)
		}
	} else if m := written.FindStringSubmatch(call); m != nil {
		done, _ := strconv.ParseInt(m[5], 10, 64)
		at, err := strconv.ParseInt(m[4], 10, 64)
		if err != nil {
			at = r.at[m[1]]
			r.at[m[1]] += done
		}
		add("write", m[2], "", at, plain(t, m[3])[:done])
	} else if m := cut.FindStringSubmatch(call); m != nil {
		size, _ := strconv.ParseInt(m[2], 10, 64)
		add("truncate", m[1], "", size, nil)
	} else if m := synced.FindStringSubmatch(call); m != nil {
		add("sync", m[1], "", 0, nil)
	} else if m := moved.FindStringSubmatch(call); m != nil {
		kind := "rename"
		if strings.Contains(call, "RENAME_EXCHANGE") {
			kind = "exchange"
		}
		add(kind, m[1], m[2], 0, nil)
	} else if m := gone.FindStringSubmatch(call); m != nil {
		add("remove", m[1], "", 0, nil)
	}
}

// name is a path as it is called in the state directory. What SQLite shares in memory is no file of the disk, and
// what lies deeper is no part of the state.
func (r *recording) name(path []byte) (string, bool) {
	p := string(bytes.TrimRight(path, "\x00"))
	if p == r.dir {
		return ".", true
	}
	return filepath.Base(p), filepath.Dir(p) == r.dir && !strings.HasSuffix(p, "-shm")
}

// plain reads strace's \x41\x42.
func plain(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
