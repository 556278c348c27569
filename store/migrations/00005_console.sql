-- The cards of the console's channel. A card is drawn anew in place; "change" orders drawings over all
-- cards, so that a reader asks for what is newer than the last it saw.

-- +goose Up
CREATE TABLE console_card (
  id       TEXT   NOT NULL PRIMARY KEY,
  dest     TEXT   NOT NULL,
  person   TEXT   NOT NULL, -- seen by this person only; empty: by everybody
  place    BIGINT NOT NULL UNIQUE,
  change   BIGINT NOT NULL UNIQUE,
  version  BIGINT NOT NULL,
  body     TEXT   NOT NULL,
  made_at  BIGINT NOT NULL
);
