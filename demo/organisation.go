package demo

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// sampleAddress finds the addresses of the sample's files, 127.0.0.1:21001 … 21089.
var sampleAddress = regexp.MustCompile(`127\.0\.0\.1:210(\d\d)\b`)

// rebase puts the ports of a demo's block into a file of the sample.
func rebase(file []byte, base int) []byte {
	return sampleAddress.ReplaceAllFunc(file, func(m []byte) []byte {
		n, _ := strconv.Atoi(string(m[len(m)-2:])) // the pattern holds two digits there
		return []byte(net.JoinHostPort("127.0.0.1", strconv.Itoa(base+n)))
	})
}

// writeOrganisation copies the sample into dir with this demo's ports. A copy that is there already
// stays: somebody may have changed it to see what happens, and open runs depend on it.
func writeOrganisation(sample fs.FS, dir string, base int) error {
	if _, err := os.Stat(filepath.Join(dir, "organisation.yaml")); err == nil {
		return nil
	}
	return fs.WalkDir(sample, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("copying the sample organisation: %w", err)
		}
		to := filepath.Join(dir, filepath.FromSlash(path))
		if d.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		b, err := fs.ReadFile(sample, path)
		if err != nil {
			return fmt.Errorf("copying the sample organisation: %w", err)
		}
		return os.WriteFile(to, rebase(b, base), 0o600)
	})
}
