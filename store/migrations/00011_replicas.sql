-- Servers that share a database: which are there, and which site takes work.

-- +goose Up
CREATE TABLE replica (
  id         TEXT   NOT NULL PRIMARY KEY,
  site       TEXT   NOT NULL, -- empty: it was not told
  version    TEXT   NOT NULL,
  keys       TEXT   NOT NULL, -- fingerprint of its pepper: all need the same
  started_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL
);
-- One row, made by the first server that knows its site. Its epoch rises with every change.
CREATE TABLE active_site (
  name  TEXT   NOT NULL PRIMARY KEY,
  site  TEXT   NOT NULL,
  epoch BIGINT NOT NULL,
  ask   TEXT   NOT NULL -- who wants it elsewhere, and waits for a second person; empty: nobody
);
