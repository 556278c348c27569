-- What monitoring and pipelines said, in the order it came in, and what was made of it. Signals are the
-- log the situations are folded from: "situation_engine" holds that fold as it stood at one of them, so
-- that a start replays only what came after.

-- +goose Up
CREATE TABLE signal (
  seq      BIGINT NOT NULL PRIMARY KEY,
  id       TEXT   NOT NULL UNIQUE, -- source, fingerprint, start and status: the same again changes nothing
  alert    TEXT   NOT NULL,        -- the same without the status: what a resolved one ends
  source   TEXT   NOT NULL,
  kind     TEXT   NOT NULL,
  status   TEXT   NOT NULL,
  at       BIGINT NOT NULL,
  body     TEXT   NOT NULL
);
CREATE INDEX signal_alert ON signal (alert);
CREATE INDEX signal_at ON signal (at);
-- The last number and moment given. Whoever stores signals holds this row, so that numbers become visible
-- in their order and moments never go back.
CREATE TABLE signal_head (
  name TEXT   NOT NULL PRIMARY KEY,
  seq  BIGINT NOT NULL,
  at   BIGINT NOT NULL
);
INSERT INTO signal_head (name, seq, at) VALUES ('signals', 0, 0);
CREATE TABLE situation (
  id       TEXT   NOT NULL PRIMARY KEY,
  state    TEXT   NOT NULL,
  first_at BIGINT NOT NULL,
  last_at  BIGINT NOT NULL,
  body     TEXT   NOT NULL
);
CREATE INDEX situation_last ON situation (last_at);
CREATE TABLE situation_engine (
  name       TEXT   NOT NULL PRIMARY KEY,
  seq        BIGINT NOT NULL, -- the last signal in body
  at         BIGINT NOT NULL, -- the moment body stands at
  files      TEXT   NOT NULL, -- digest of what body rests on: topology and plans
  body       BYTEA  NOT NULL,
  told_seq   BIGINT NOT NULL, -- up to where milestones stand in the journal
  told_at    BIGINT NOT NULL
);
-- What people said of an advice, with the situation as they saw it: what weights are fitted to anew.
CREATE TABLE situation_answer (
  id        TEXT   NOT NULL PRIMARY KEY,
  situation TEXT   NOT NULL,
  at        BIGINT NOT NULL,
  person    TEXT   NOT NULL,
  answer    TEXT   NOT NULL,
  body      TEXT   NOT NULL
);
CREATE INDEX situation_answer_at ON situation_answer (at);
