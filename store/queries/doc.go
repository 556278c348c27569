// Package queries is every SQL statement of the store, typed by sqlc from ../queries.sql. The same text
// runs on SQLite and on PostgreSQL: parameters are numbered in the order of their first appearance,
// which is how both drivers bind them, and a test prepares every statement on both.
//
// Nothing here is written by hand but this page; `go generate ./store` makes the rest anew.
package queries
