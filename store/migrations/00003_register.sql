-- The register of runs: for every system the hash of a chain over its runs' requests and ends. Its text
-- is what the checkpoint's register line is the digest of.

-- +goose Up
CREATE TABLE journal_register (
  id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  body BYTEA   NOT NULL
);
INSERT INTO journal_register (id, body) VALUES (1, '');
