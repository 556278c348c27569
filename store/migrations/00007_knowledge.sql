-- What the knowledge base keeps: vectors, which cost seconds of work for each passage and are the same
-- as long as model and passage are; and when each runbook was last seen to change. The text itself stays
-- in its files.

-- +goose Up
CREATE TABLE passage_vector (
  model   TEXT   NOT NULL, -- digest of the model
  passage TEXT   NOT NULL, -- digest of heading and text
  dim     BIGINT NOT NULL,
  body    BYTEA  NOT NULL, -- one vector after the other, little-endian 32-bit floats
  PRIMARY KEY (model, passage)
);
CREATE TABLE runbook (
  doc        TEXT   NOT NULL PRIMARY KEY, -- path with its source's name
  digest     TEXT   NOT NULL,
  changed_at BIGINT NOT NULL -- when this digest was first seen; of the first one ever: when the runbook was
);
