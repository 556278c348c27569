package app

import (
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// watchMost bounds the folders the system is asked to watch; the rest is found by looking.
const watchMost = 4096

// watcher hears from the system that something changed in a folder. It may hear nothing: on network
// disks, or where the system has no room for more; so nothing rests on it but haste.
type watcher struct {
	told  <-chan struct{} // nil: nothing is heard
	heard chan struct{}
	fs    *fsnotify.Watcher
	log   *slog.Logger
	mute  bool // it was said that something cannot be watched
}

func newWatcher(log *slog.Logger) *watcher {
	w := &watcher{heard: make(chan struct{}, 1), log: log}
	var err error
	if w.fs, err = fsnotify.NewWatcher(); err != nil {
		log.Warn("the system tells nothing of changed runbooks; they are looked at every few seconds", "error", err)
		return w
	}
	w.told = w.heard
	go func() {
		for {
			select {
			case e, open := <-w.fs.Events:
				if !open {
					return
				}
				if e.Op != fsnotify.Chmod {
					w.hear()
				}
			case _, open := <-w.fs.Errors: // events were lost: the look finds what they would have told
				if !open {
					return
				}
				w.hear()
			}
		}
	}()
	return w
}

func (w *watcher) hear() {
	select {
	case w.heard <- struct{}{}:
	default:
	}
}

func (w *watcher) drain() {
	select {
	case <-w.heard:
	default:
	}
}

// follow watches the folders there are now; those that are watched already stay so.
func (w *watcher) follow(shelves []shelf) {
	if w.fs == nil {
		return
	}
	for _, s := range shelves {
		if s.dir == "" {
			continue
		}
		n := 0
		_ = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error { // what cannot be listed is no source of changes
			if err != nil || !d.IsDir() {
				return nil
			}
			if path != s.dir && strings.HasPrefix(d.Name(), ".") || n >= watchMost {
				return fs.SkipDir
			}
			n++
			if err := w.fs.Add(path); err != nil && !w.mute {
				w.mute = true
				w.log.Warn("a folder of runbooks cannot be watched; it is looked at every few seconds", "dir", path, "error", err)
			}
			return nil
		})
	}
}

func (w *watcher) close() {
	if w.fs != nil {
		_ = w.fs.Close() // nothing was written
	}
}
