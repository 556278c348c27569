-- One schema for SQLite and PostgreSQL. Portable spelling only: TEXT ids, BIGINT microseconds (0: not
-- known), TEXT JSON, INTEGER flags, BYTEA bytes (SQLite takes any type name and keeps bytes as they
-- are), no NULLs, no defaults that read a clock. What a query asks for or a condition compares is a
-- column; everything else of a run or an attempt is JSON in "detail".

-- +goose Up
CREATE TABLE run (
  id         TEXT   NOT NULL PRIMARY KEY,
  plan       TEXT   NOT NULL,
  digest     TEXT   NOT NULL,
  mode       TEXT   NOT NULL,
  direction  TEXT   NOT NULL,
  state      TEXT   NOT NULL,
  version    BIGINT NOT NULL,
  touched    BIGINT NOT NULL,
  round      BIGINT NOT NULL,
  requested_at BIGINT NOT NULL,
  checks     TEXT   NOT NULL, -- digest of run_checks.body; empty: none
  detail     TEXT   NOT NULL
);
CREATE INDEX run_requested ON run (requested_at, id);
CREATE TABLE run_system (
  run_id TEXT NOT NULL REFERENCES run (id),
  system TEXT NOT NULL,
  PRIMARY KEY (run_id, system)
);
-- Preflight facts are many and change seldom; apart, they are neither read nor written by every move.
CREATE TABLE run_checks (
  run_id TEXT NOT NULL PRIMARY KEY REFERENCES run (id),
  body   TEXT NOT NULL
);
CREATE TABLE round (
  run_id     TEXT   NOT NULL REFERENCES run (id),
  number     BIGINT NOT NULL,
  nonce      TEXT   NOT NULL,
  digest     TEXT   NOT NULL,
  opened_at  BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  state      TEXT   NOT NULL,
  PRIMARY KEY (run_id, number)
);
CREATE TABLE vote (
  run_id     TEXT   NOT NULL,
  round      BIGINT NOT NULL,
  human      TEXT   NOT NULL,
  person     TEXT   NOT NULL,
  stands_for TEXT   NOT NULL,
  verdict    TEXT   NOT NULL,
  via        TEXT   NOT NULL,
  digest     TEXT   NOT NULL,
  voted_at   BIGINT NOT NULL,
  reason     TEXT   NOT NULL,
  PRIMARY KEY (run_id, round, human),
  FOREIGN KEY (run_id, round) REFERENCES round (run_id, number)
);
CREATE TABLE code (
  id         TEXT   NOT NULL PRIMARY KEY,
  run_id     TEXT   NOT NULL,
  round      BIGINT NOT NULL,
  issuer     TEXT   NOT NULL,
  human      TEXT   NOT NULL,
  digest     TEXT   NOT NULL,
  direction  TEXT   NOT NULL,
  mode       TEXT   NOT NULL,
  source     TEXT   NOT NULL,
  sheet      TEXT   NOT NULL,
  number     BIGINT NOT NULL,
  salt       BYTEA  NOT NULL,
  hash       BYTEA  NOT NULL,
  issued_at  BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL,
  used_by    TEXT   NOT NULL,
  revoked_at BIGINT NOT NULL,
  FOREIGN KEY (run_id, round) REFERENCES round (run_id, number)
);
CREATE INDEX code_round ON code (run_id, round);
-- Numbered one-time codes printed and sealed ahead of time; only hashes are here.
CREATE TABLE code_sheet (
  sheet   TEXT   NOT NULL,
  number  BIGINT NOT NULL,
  site    TEXT   NOT NULL,
  issuer  TEXT   NOT NULL,
  salt    BYTEA  NOT NULL,
  hash    BYTEA  NOT NULL,
  made_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  run_id  TEXT   NOT NULL,
  PRIMARY KEY (sheet, number)
);
CREATE TABLE slice (
  digest TEXT  NOT NULL PRIMARY KEY,
  body   BYTEA NOT NULL
);
CREATE TABLE step (
  run_id     TEXT   NOT NULL REFERENCES run (id),
  step_id    TEXT   NOT NULL,
  place      BIGINT NOT NULL,
  state      TEXT   NOT NULL,
  attempt    BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at   BIGINT NOT NULL,
  reason     TEXT   NOT NULL,
  person     TEXT   NOT NULL,
  PRIMARY KEY (run_id, step_id)
);
CREATE TABLE attempt (
  run_id        TEXT   NOT NULL,
  step_id       TEXT   NOT NULL,
  n             BIGINT NOT NULL,
  token         TEXT   NOT NULL UNIQUE,
  epoch         BIGINT NOT NULL,
  purpose       TEXT   NOT NULL,
  state         TEXT   NOT NULL,
  intent_at     BIGINT NOT NULL,
  dispatched_at BIGINT NOT NULL,
  outcome_at    BIGINT NOT NULL,
  detail        TEXT   NOT NULL,
  PRIMARY KEY (run_id, step_id, n),
  FOREIGN KEY (run_id, step_id) REFERENCES step (run_id, step_id)
);
CREATE TABLE placement (
  system    TEXT   NOT NULL PRIMARY KEY,
  site      TEXT   NOT NULL,
  since_at  BIGINT NOT NULL,
  run_id    TEXT   NOT NULL,
  proven_at BIGINT NOT NULL,
  previous  TEXT   NOT NULL
);
-- What a run holds: a system, or a resource several systems share, counted within the run.
CREATE TABLE lock (
  name     TEXT   NOT NULL PRIMARY KEY,
  run_id   TEXT   NOT NULL REFERENCES run (id),
  refs     BIGINT NOT NULL,
  taken_at BIGINT NOT NULL
);
CREATE TABLE lease (
  name     TEXT   NOT NULL PRIMARY KEY,
  holder   TEXT   NOT NULL,
  epoch    BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  touched  BIGINT NOT NULL
);

-- Evidence, by the digest of its content; chunks belong to an upload until they are complete.
CREATE TABLE blob (
  digest     TEXT   NOT NULL PRIMARY KEY,
  upload     TEXT   NOT NULL,
  size       BIGINT NOT NULL,
  kind       TEXT   NOT NULL,
  media      TEXT   NOT NULL,
  name       TEXT   NOT NULL,
  made_at    BIGINT NOT NULL,
  erased_at  BIGINT NOT NULL
);
CREATE TABLE blob_chunk (
  upload TEXT   NOT NULL,
  n      BIGINT NOT NULL,
  body   BYTEA  NOT NULL,
  PRIMARY KEY (upload, n)
);
CREATE TABLE blob_upload (
  upload  TEXT   NOT NULL PRIMARY KEY,
  made_at BIGINT NOT NULL
);

CREATE TABLE token (
  id         TEXT   NOT NULL PRIMARY KEY,
  person     TEXT   NOT NULL,
  name       TEXT   NOT NULL,
  hash       TEXT   NOT NULL UNIQUE,
  scopes     TEXT   NOT NULL,
  made_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL
);
CREATE TABLE session (
  hash       TEXT   NOT NULL PRIMARY KEY,
  person     TEXT   NOT NULL,
  surface    TEXT   NOT NULL,
  made_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL,
  detail     TEXT   NOT NULL
);
CREATE TABLE nonce (
  nonce      TEXT   NOT NULL PRIMARY KEY,
  purpose    TEXT   NOT NULL,
  person     TEXT   NOT NULL,
  detail     TEXT   NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL
);
CREATE TABLE notice (
  id       TEXT   NOT NULL PRIMARY KEY,
  run_id   TEXT   NOT NULL,
  about    TEXT   NOT NULL,
  person   TEXT   NOT NULL,
  state    TEXT   NOT NULL,
  due_at   BIGINT NOT NULL,
  sent_at  BIGINT NOT NULL,
  acked_at BIGINT NOT NULL,
  acked_by TEXT   NOT NULL,
  detail   TEXT   NOT NULL
);
CREATE INDEX notice_run ON notice (run_id, id);

CREATE TABLE inbox (
  surface     TEXT   NOT NULL,
  event       TEXT   NOT NULL,
  received_at BIGINT NOT NULL,
  done_at     BIGINT NOT NULL,
  body        TEXT   NOT NULL,
  PRIMARY KEY (surface, event)
);
CREATE INDEX inbox_open ON inbox (done_at, received_at);
CREATE TABLE outbox (
  id      TEXT   NOT NULL PRIMARY KEY,
  surface TEXT   NOT NULL,
  dest    TEXT   NOT NULL,
  run_id  TEXT   NOT NULL,
  kind    TEXT   NOT NULL,
  body    TEXT   NOT NULL,
  made_at BIGINT NOT NULL,
  due_at  BIGINT NOT NULL,
  tries   BIGINT NOT NULL,
  sent_at BIGINT NOT NULL,
  ref     TEXT   NOT NULL,
  problem TEXT   NOT NULL
);
CREATE INDEX outbox_due ON outbox (sent_at, due_at, made_at);
CREATE TABLE cursor (
  name TEXT   NOT NULL PRIMARY KEY,
  seq  BIGINT NOT NULL
);
