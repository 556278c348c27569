-- The journal, whose rows are never changed, whoever asks; and nor are frozen plans. The twin for
-- SQLite is 00002_journal_sqlite.sql. There are two files because triggers have no common
-- spelling, and because SQLite keeps a second tree for a primary key that is not spelled INTEGER,
-- which every commit would pay for.

-- +goose Up
-- "body" is what the tree hashes; the columns beside it are for finding rows. "hashes" are the tree's
-- nodes this row completes, leaf first, 32 bytes each.
CREATE TABLE journal (
  seq     BIGINT NOT NULL PRIMARY KEY,
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
CREATE FUNCTION switchman_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION switchman_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size < OLD.size THEN
    RAISE EXCEPTION 'the journal never shrinks';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER journal_no_change BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER journal_head_no_delete BEFORE DELETE ON journal_head FOR EACH ROW EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER journal_head_no_truncate BEFORE TRUNCATE ON journal_head FOR EACH STATEMENT EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER journal_head_grows BEFORE UPDATE ON journal_head FOR EACH ROW EXECUTE FUNCTION switchman_grows();
CREATE TRIGGER slice_no_change BEFORE UPDATE OR DELETE ON slice FOR EACH ROW EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER slice_no_truncate BEFORE TRUNCATE ON slice FOR EACH STATEMENT EXECUTE FUNCTION switchman_refuse();
