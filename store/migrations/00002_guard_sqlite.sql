-- Rows of the journal and frozen plans are never changed, whoever asks. The twin for PostgreSQL is
-- 00002_guard_postgres.sql; each database gets its own.

-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'journal rows are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'journal rows are never deleted'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER journal_hash_no_update BEFORE UPDATE ON journal_hash BEGIN SELECT RAISE(ABORT, 'journal hashes are never changed'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER journal_hash_no_delete BEFORE DELETE ON journal_hash BEGIN SELECT RAISE(ABORT, 'journal hashes are never deleted'); END;
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
