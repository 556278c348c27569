-- What was asked of language models in a day, by all servers together, so that the budget of a day outlives
-- a restart and is one for all.

-- +goose Up
CREATE TABLE model_use (
  day    TEXT   NOT NULL PRIMARY KEY, -- 2026-11-20, where the organisation is
  tokens BIGINT NOT NULL,
  calls  BIGINT NOT NULL
);
