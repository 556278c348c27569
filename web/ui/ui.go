// Package ui holds the web console as it is served: the files Vite made of the sources beside it.
//
// The build is committed, so that building Switchman needs no node, and it is deterministic: a
// test builds it again and compares every byte. The package serves nothing; web does.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are the console's files; index.html is at the root, everything else has its content's hash
// in its name, except mark.svg.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for an invalid name, and the name is written here
	}
	return sub
}
