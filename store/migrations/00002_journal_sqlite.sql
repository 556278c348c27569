-- The journal, whose rows are never changed, whoever asks; and nor are frozen plans. The twin for
-- PostgreSQL is 00002_journal_postgres.sql. There are two files because triggers have no common
-- spelling, and because SQLite keeps a second tree for a primary key that is not spelled INTEGER,
-- which every commit would pay for.

-- +goose Up
-- "body" is what the tree hashes; the columns beside it are for finding rows. "hashes" are the tree's
-- nodes this row completes, leaf first, 32 bytes each.
CREATE TABLE journal (
  seq     INTEGER PRIMARY KEY,
  run_id  TEXT   NOT NULL,
  kind    TEXT   NOT NULL,
  made_at BIGINT NOT NULL,
  body    BYTEA  NOT NULL,
  hashes  BYTEA  NOT NULL
);
CREATE INDEX journal_run ON journal (run_id, seq);
CREATE TABLE journal_head (
  id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  size     BIGINT  NOT NULL,
  frontier BYTEA   NOT NULL,
  note     BYTEA   NOT NULL,
  touched  BIGINT  NOT NULL
);
INSERT INTO journal_head (id, size, frontier, note, touched) VALUES (1, 0, '', '', 0);
-- +goose StatementBegin
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'journal rows are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'journal rows are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER journal_head_no_delete BEFORE DELETE ON journal_head BEGIN SELECT RAISE(ABORT, 'the journal keeps its head'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER journal_head_grows BEFORE UPDATE ON journal_head WHEN NEW.size < OLD.size BEGIN SELECT RAISE(ABORT, 'the journal never shrinks'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER slice_no_update BEFORE UPDATE ON slice BEGIN SELECT RAISE(ABORT, 'frozen plans are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER slice_no_delete BEFORE DELETE ON slice BEGIN SELECT RAISE(ABORT, 'frozen plans are never deleted'); END;
-- +goose StatementEnd
