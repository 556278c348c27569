-- Signing in at the console: what a person knows and has. An identity with an enrolment beside it waits
-- to be confirmed and counts for nothing yet. Strikes count failed tries, so that a restart forgives none.

-- +goose Up
CREATE TABLE identity (
  person    TEXT   NOT NULL,
  enrolment TEXT   NOT NULL, -- id of the enrolment being redeemed; empty: the one that counts
  password  TEXT   NOT NULL, -- Argon2id over a keyed hash
  totp      TEXT   NOT NULL, -- sealed
  counter   BIGINT NOT NULL, -- of the last TOTP code taken
  made_at   BIGINT NOT NULL,
  PRIMARY KEY (person, enrolment)
);
CREATE TABLE strike (
  name     TEXT   NOT NULL PRIMARY KEY,
  fails    BIGINT NOT NULL,
  since_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL -- refused before this moment
);
CREATE INDEX session_person ON session (person, made_at);
