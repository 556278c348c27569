package encoder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrMissing says that there is no weight file; everything works without one, by words alone.
var ErrMissing = errors.New("the weights are not here")

func fileName(dir string, kind Kind) string { return filepath.Join(dir, string(kind)+".bin") }

// Open maps the weight file of a model, or the copy inside a program that was built with one. Memory is
// taken only for what is used. The error is ErrMissing when there is neither.
func Open(dir string, kind Kind) (*Model, error) {
	path := fileName(dir, kind)
	file, err := mapped(path)
	unmap, rest := func() error { return syscall.Munmap(file) }, func() error { return unix.Madvise(file, unix.MADV_DONTNEED) }
	if inside := embedded(kind); errors.Is(err, fs.ErrNotExist) && inside != "" {
		file, err = unsafe.Slice(unsafe.StringData(inside), len(inside)), nil
		unmap = func() error { return nil }
		rest = unmap
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("opening %s: %w", path, ErrMissing)
	case err != nil:
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	m, err := newModel(file, kind)
	if err == nil {
		err = rest() // what was looked at to check it is memory that nobody needs before the first question
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), unmap())
	}
	m.close = m.closer(unmap)
	return m, nil
}

// mapped lets the system read a file when and where it is looked at.
func mapped(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, fmt.Errorf("%s with %d bytes is no weight file", info.Mode(), info.Size())
	}
	return syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
}
