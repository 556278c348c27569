package knowledge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5"

	"github.com/switchman-dr/switchman/dr"
)

// Folder opens a directory for reading. Links inside it are followed, links out of it are refused by
// the system itself. Close it when the index is no longer read from it.
func Folder(dir string) (fs.FS, func() error, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, dr.Errorf(dr.NotFound, "the folder %s cannot be read: %v", dir, reason(err)).WithHint("name a directory that holds runbooks")
	}
	return within(root)
}

// Commit is the commit a directory's Git work tree stands at; empty where there is none. Files changed
// since are told apart by their digest, not by it.
func Commit(dir string) (string, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", dir, err)
	}
	repo, err := git.PlainOpenWithOptions(full, &git.PlainOpenOptions{DetectDotGit: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("opening the work tree of %s: %w", dir, err)
	}
	head, err := repo.Head()
	if err != nil {
		return "", nil // a work tree without a commit yet
	}
	return head.Hash().String(), nil
}
