-- What people said of answers, and what they asked for in vain. A question that was answered is kept
-- nowhere; these two lists are what whoever looks after the runbooks works from. Texts are masked.

-- +goose Up
CREATE TABLE feedback (
  id       TEXT   NOT NULL PRIMARY KEY,
  at       BIGINT NOT NULL,
  person   TEXT   NOT NULL,
  verdict  TEXT   NOT NULL, -- helped | wrong | outdated
  note     TEXT   NOT NULL,
  question TEXT   NOT NULL, -- empty where it was forgotten meanwhile
  docs     TEXT   NOT NULL  -- JSON: what the answer was made of, by path
);
CREATE INDEX feedback_at ON feedback (at);
CREATE TABLE unanswered (
  id       TEXT   NOT NULL PRIMARY KEY, -- digest of the question's words: asked again, it is counted
  question TEXT   NOT NULL,
  lang     TEXT   NOT NULL,
  times    BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at  BIGINT NOT NULL
);
CREATE INDEX unanswered_last ON unanswered (last_at);
