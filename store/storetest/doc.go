// Package storetest proves that a store keeps its promises: one conformance suite for SQLite and for
// PostgreSQL, and a real PostgreSQL server to run it on.
//
// It is used by tests only. It refuses to skip: where PostgreSQL is missing, the test fails and names
// the package to install.
package storetest
