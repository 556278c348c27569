//go:build !linux

package store

// refuseNetwork knows file systems by their Linux numbers only; elsewhere Switchman is built for
// trying things out.
func refuseNetwork(string) error { return nil }
