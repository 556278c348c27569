package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/switchman-dr/switchman/dr"
)

// part is what a file is called until it is whole.
const part = ".part"

// fileTrouble says plainly what is wrong with a file or a directory somebody named, whatever the program
// was about to do with it. Nothing else is known by it.
func fileTrouble(err error) (told, bool) {
	var at *fs.PathError
	var two *os.LinkError
	path := ""
	switch {
	case errors.As(err, &at):
		path = at.Path
	case errors.As(err, &two):
		path = two.New
	default:
		return told{}, false
	}
	path = strings.TrimSuffix(path, part)
	above, isDir := ancestor(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && above != filepath.Dir(path) && isDir:
		return told{Kind: dr.NotFound, Message: "there is no directory " + filepath.Dir(path), Hint: "make it first, or name another one"}, true
	case errors.Is(err, fs.ErrNotExist) && isDir && at != nil && at.Op == "mkdir":
		return told{Kind: dr.Invalid, Message: "no directory can be made in " + above, Hint: "name another place"}, true
	case errors.Is(err, fs.ErrNotExist) && isDir:
		return told{Kind: dr.NotFound, Message: "there is no file " + path}, true
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrNotExist):
		return told{Kind: dr.Invalid, Message: above + " is a file, not a directory", Hint: "name a directory"}, true
	case errors.Is(err, syscall.EISDIR):
		return told{Kind: dr.Invalid, Message: path + " is a directory, not a file", Hint: "name a file"}, true
	case errors.Is(err, fs.ErrPermission):
		return told{Kind: dr.Invalid, Message: "this account may not use " + path, Hint: "look at its owner and mode: ls -ld " + path}, true
	case errors.Is(err, syscall.EROFS):
		return told{Kind: dr.Invalid, Message: path + " cannot be written: its file system is read-only", Hint: "name another place"}, true
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return told{Kind: dr.Unavailable, Message: "there is no room left to write " + path, Hint: "free some space, then try again"}, true
	}
	return told{}, false
}

// ancestor is what there is of a path: itself or the nearest directory above it, or the file in its way.
func ancestor(path string) (at string, isDir bool) {
	for at = filepath.Clean(path); ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if err == nil {
			if target, err := os.Stat(at); err == nil {
				info = target
			}
			if !info.IsDir() || at != filepath.Clean(path) {
				return at, info.IsDir()
			}
		}
		if at == filepath.Dir(at) {
			return at, true
		}
	}
}
