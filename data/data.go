// Package data holds the sample organisation, Harbor Bank, as files inside the program.
//
// It owns the files and nothing else: package catalog reads and judges them like anybody's. They
// are written to be copied: every choice a bank has to make carries a comment that says what it
// means. Nothing here is state; where a system lives today is never a file.
package data

import (
	"embed"
	"io/fs"
)

//go:embed organisation.yaml roster.yaml policy.yaml systems plans runbooks
var files embed.FS

//go:embed vectors.gob
var vectors []byte

// Vectors are the runbooks of the sample as the built-in encoders see them, so that search by meaning works
// from the first minute: knowledge.Packed. A runbook that was edited since is encoded anew.
func Vectors() []byte { return vectors }

// FS is the sample organisation, rooted where organisation.yaml is.
func FS() fs.FS { return files }
