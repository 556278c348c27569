-- Rows of the journal and frozen plans are never changed, whoever asks. The twin for SQLite is
-- 00002_guard_sqlite.sql; each database gets its own.

-- +goose Up
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
CREATE TRIGGER journal_hash_no_change BEFORE UPDATE OR DELETE ON journal_hash FOR EACH ROW EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER journal_hash_no_truncate BEFORE TRUNCATE ON journal_hash FOR EACH STATEMENT EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER journal_head_no_delete BEFORE DELETE ON journal_head FOR EACH ROW EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER journal_head_no_truncate BEFORE TRUNCATE ON journal_head FOR EACH STATEMENT EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER journal_head_grows BEFORE UPDATE ON journal_head FOR EACH ROW EXECUTE FUNCTION switchman_grows();
CREATE TRIGGER slice_no_change BEFORE UPDATE OR DELETE ON slice FOR EACH ROW EXECUTE FUNCTION switchman_refuse();
CREATE TRIGGER slice_no_truncate BEFORE TRUNCATE ON slice FOR EACH STATEMENT EXECUTE FUNCTION switchman_refuse();
