-- The run a card is about, so that cards of runs that ended long ago can be let go.

-- +goose Up
ALTER TABLE console_card ADD COLUMN run_id TEXT NOT NULL DEFAULT '';
UPDATE console_card SET run_id = COALESCE((SELECT MAX(o.run_id) FROM outbox o WHERE o.ref = console_card.id), '');
CREATE INDEX console_card_run ON console_card (run_id, made_at);
