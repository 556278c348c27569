-- The same text runs on PostgreSQL (pgx) and SQLite (mattn). For that, parameters must occur in the
-- order of their numbers: always sqlc.arg, which numbers them as they appear. No casts with "::", no
-- FOR UPDATE: a transaction locks a run by touching its row.

-- name: InsertRun :exec
INSERT INTO run (id, plan, digest, mode, direction, state, version, touched, round, requested_at, checks, detail)
VALUES (sqlc.arg(id), sqlc.arg(plan), sqlc.arg(digest), sqlc.arg(mode), sqlc.arg(direction), sqlc.arg(state),
  sqlc.arg(version), 0, sqlc.arg(round), sqlc.arg(requested_at), sqlc.arg(checks), sqlc.arg(detail));

-- name: InsertRunSystem :exec
INSERT INTO run_system (run_id, system) VALUES (sqlc.arg(run_id), sqlc.arg(system)) ON CONFLICT DO NOTHING;

-- name: PutRunChecks :exec
INSERT INTO run_checks (run_id, body) VALUES (sqlc.arg(run_id), sqlc.arg(body))
ON CONFLICT (run_id) DO UPDATE SET body = excluded.body;

-- name: GetRunChecks :one
SELECT body FROM run_checks WHERE run_id = sqlc.arg(run_id);

-- name: LockRun :one
UPDATE run SET touched = touched + 1 WHERE id = sqlc.arg(id)
RETURNING id, plan, digest, mode, direction, state, version, round, checks, detail;

-- name: LockState :one
UPDATE run SET touched = touched + 1 WHERE id = sqlc.arg(id) RETURNING state;

-- name: GetRun :one
SELECT id, plan, digest, mode, direction, state, version, round, checks, detail
FROM run WHERE id = sqlc.arg(id);

-- name: ListRuns :many
SELECT id, plan, digest, mode, direction, state, version, round, checks, detail
FROM run
WHERE (CAST(sqlc.arg(states) AS TEXT) = '' OR CAST(sqlc.arg(states) AS TEXT) LIKE '%,' || state || ',%')
  AND (CAST(sqlc.arg(system) AS TEXT) = '' OR EXISTS (SELECT 1 FROM run_system s WHERE s.run_id = run.id AND s.system = CAST(sqlc.arg(system) AS TEXT)))
ORDER BY requested_at DESC, id DESC LIMIT sqlc.arg(max_rows);

-- name: UpdateRun :execrows
UPDATE run SET digest = sqlc.arg(digest), state = sqlc.arg(state), round = sqlc.arg(round), detail = sqlc.arg(detail),
  checks = sqlc.arg(checks), version = version + 1
WHERE id = sqlc.arg(id) AND version = sqlc.arg(version);

-- name: InsertRound :exec
INSERT INTO round (run_id, number, nonce, digest, opened_at, expires_at, state)
VALUES (sqlc.arg(run_id), sqlc.arg(number), sqlc.arg(nonce), sqlc.arg(digest), sqlc.arg(opened_at), sqlc.arg(expires_at), sqlc.arg(state));

-- name: UpdateRound :execrows
UPDATE round SET expires_at = sqlc.arg(expires_at), state = sqlc.arg(state)
WHERE run_id = sqlc.arg(run_id) AND number = sqlc.arg(number);

-- name: ReplaceRounds :exec
UPDATE round SET state = 'replaced' WHERE run_id = sqlc.arg(run_id) AND number < sqlc.arg(number) AND state = 'open';

-- name: SetRunRound :execrows
UPDATE run SET round = sqlc.arg(round) WHERE id = sqlc.arg(id);

-- The hot reads of one round have no ORDER BY and no range: each makes SQLite several times slower than
-- sorting a handful of rows in Go.

-- name: GetRound :one
SELECT * FROM round WHERE run_id = sqlc.arg(run_id) AND number = sqlc.arg(number);

-- name: RoundVotes :many
SELECT * FROM vote WHERE run_id = sqlc.arg(run_id) AND round = sqlc.arg(round);

-- name: Rounds :many
SELECT * FROM round WHERE run_id = sqlc.arg(run_id) ORDER BY number;

-- name: PutVote :exec
INSERT INTO vote (run_id, round, human, person, stands_for, verdict, via, digest, voted_at, reason)
VALUES (sqlc.arg(run_id), sqlc.arg(round), sqlc.arg(human), sqlc.arg(person), sqlc.arg(stands_for), sqlc.arg(verdict),
  sqlc.arg(via), sqlc.arg(digest), sqlc.arg(voted_at), sqlc.arg(reason))
ON CONFLICT (run_id, round, human) DO UPDATE SET person = excluded.person, stands_for = excluded.stands_for,
  verdict = excluded.verdict, via = excluded.via, digest = excluded.digest, voted_at = excluded.voted_at, reason = excluded.reason;

-- name: InsertCode :exec
INSERT INTO code (id, run_id, round, issuer, human, digest, direction, mode, source, sheet, number, salt, hash,
  issued_at, expires_at, used_at, used_by, revoked_at)
VALUES (sqlc.arg(id), sqlc.arg(run_id), sqlc.arg(round), sqlc.arg(issuer), sqlc.arg(human), sqlc.arg(digest), sqlc.arg(direction),
  sqlc.arg(mode), sqlc.arg(source), sqlc.arg(sheet), sqlc.arg(number), sqlc.arg(salt), sqlc.arg(hash),
  sqlc.arg(issued_at), sqlc.arg(expires_at), sqlc.arg(used_at), sqlc.arg(used_by), sqlc.arg(revoked_at));

-- name: UpdateCode :execrows
UPDATE code SET expires_at = sqlc.arg(expires_at), used_at = sqlc.arg(used_at), used_by = sqlc.arg(used_by), revoked_at = sqlc.arg(revoked_at)
WHERE id = sqlc.arg(id) AND run_id = sqlc.arg(run_id) AND used_at = 0 AND revoked_at = 0;

-- name: RoundCodes :many
SELECT * FROM code WHERE run_id = sqlc.arg(run_id) AND round = sqlc.arg(round);

-- name: Codes :many
SELECT * FROM code WHERE run_id = sqlc.arg(run_id);

-- name: InsertSheetCode :exec
INSERT INTO code_sheet (sheet, number, site, issuer, salt, hash, made_at, used_at, run_id)
VALUES (sqlc.arg(sheet), sqlc.arg(number), sqlc.arg(site), sqlc.arg(issuer), sqlc.arg(salt), sqlc.arg(hash), sqlc.arg(made_at), 0, '');

-- name: SheetCodes :many
SELECT * FROM code_sheet WHERE used_at = 0 ORDER BY sheet, number;

-- name: UseSheetCode :execrows
UPDATE code_sheet SET used_at = sqlc.arg(used_at), run_id = sqlc.arg(run_id)
WHERE sheet = sqlc.arg(sheet) AND number = sqlc.arg(number) AND used_at = 0;

-- name: PutSlice :exec
INSERT INTO slice (digest, body) VALUES (sqlc.arg(digest), sqlc.arg(body)) ON CONFLICT DO NOTHING;

-- name: GetSlice :one
SELECT body FROM slice WHERE digest = sqlc.arg(digest);

-- name: DeleteSteps :exec
DELETE FROM step WHERE run_id = sqlc.arg(run_id);

-- name: InsertStep :exec
INSERT INTO step (run_id, step_id, place, state, attempt, started_at, ended_at, reason, person)
VALUES (sqlc.arg(run_id), sqlc.arg(step_id), sqlc.arg(place), sqlc.arg(state), sqlc.arg(attempt), sqlc.arg(started_at),
  sqlc.arg(ended_at), sqlc.arg(reason), sqlc.arg(person));

-- name: SetStep :execrows
UPDATE step SET state = sqlc.arg(state), attempt = sqlc.arg(attempt), started_at = sqlc.arg(started_at),
  ended_at = sqlc.arg(ended_at), reason = sqlc.arg(reason), person = sqlc.arg(person)
WHERE run_id = sqlc.arg(run_id) AND step_id = sqlc.arg(step_id);

-- name: Steps :many
SELECT run_id, step_id, state, attempt, started_at, ended_at, reason, person FROM step
WHERE run_id = sqlc.arg(run_id) ORDER BY place, step_id;

-- name: GetStep :one
SELECT run_id, step_id, state, attempt, started_at, ended_at, reason, person FROM step
WHERE run_id = sqlc.arg(run_id) AND step_id = sqlc.arg(step_id);

-- name: StepIntent :execrows
UPDATE step SET state = 'intent', attempt = sqlc.arg(attempt),
  started_at = CASE WHEN started_at = 0 THEN CAST(sqlc.arg(started_at) AS BIGINT) ELSE started_at END,
  ended_at = 0, reason = '', person = ''
WHERE run_id = sqlc.arg(run_id) AND step_id = sqlc.arg(step_id) AND state = sqlc.arg(from_state) AND attempt < sqlc.arg(attempt);

-- name: StepOutcome :execrows
UPDATE step SET state = sqlc.arg(state), ended_at = sqlc.arg(ended_at), reason = sqlc.arg(reason), person = sqlc.arg(person)
WHERE run_id = sqlc.arg(run_id) AND step_id = sqlc.arg(step_id) AND attempt = sqlc.arg(attempt);

-- name: InsertAttempt :exec
INSERT INTO attempt (run_id, step_id, n, token, epoch, purpose, state, intent_at, dispatched_at, outcome_at, detail)
VALUES (sqlc.arg(run_id), sqlc.arg(step_id), sqlc.arg(n), sqlc.arg(token), sqlc.arg(epoch), sqlc.arg(purpose), sqlc.arg(state),
  sqlc.arg(intent_at), sqlc.arg(dispatched_at), sqlc.arg(outcome_at), sqlc.arg(detail));

-- name: AttemptOutcome :execrows
UPDATE attempt SET state = sqlc.arg(state), dispatched_at = sqlc.arg(dispatched_at), outcome_at = sqlc.arg(outcome_at), detail = sqlc.arg(detail)
WHERE run_id = sqlc.arg(run_id) AND step_id = sqlc.arg(step_id) AND n = sqlc.arg(n) AND state IN ('intent', 'unknown');

-- name: Attempts :many
SELECT * FROM attempt WHERE run_id = sqlc.arg(run_id) ORDER BY intent_at, step_id, n;

-- name: GetAttempt :one
SELECT * FROM attempt WHERE run_id = sqlc.arg(run_id) AND step_id = sqlc.arg(step_id) AND n = sqlc.arg(n);

-- name: LastDurations :many
SELECT a.step_id, a.dispatched_at, a.intent_at, a.outcome_at FROM attempt a JOIN run r ON r.id = a.run_id
WHERE r.plan = sqlc.arg(plan) AND a.state = 'ok' AND a.purpose = 'do' AND r.mode <> 'rehearsal'
ORDER BY a.outcome_at;

-- name: PutPlacement :exec
INSERT INTO placement (system, site, since_at, run_id, proven_at, previous)
VALUES (sqlc.arg(system), sqlc.arg(site), sqlc.arg(since_at), sqlc.arg(run_id), sqlc.arg(proven_at), sqlc.arg(previous))
ON CONFLICT (system) DO UPDATE SET site = excluded.site, since_at = excluded.since_at, run_id = excluded.run_id,
  proven_at = excluded.proven_at, previous = excluded.previous;

-- name: Placements :many
SELECT * FROM placement ORDER BY system;

-- name: GetPlacement :one
SELECT * FROM placement WHERE system = sqlc.arg(system);

-- name: TakeLock :execrows
INSERT INTO lock (name, run_id, refs, taken_at) VALUES (sqlc.arg(name), sqlc.arg(run_id), sqlc.arg(refs), sqlc.arg(taken_at))
ON CONFLICT (name) DO UPDATE SET refs = lock.refs + excluded.refs WHERE lock.run_id = excluded.run_id;

-- name: LockHolder :one
SELECT run_id FROM lock WHERE name = sqlc.arg(name);

-- name: MoveLock :execrows
UPDATE lock SET run_id = sqlc.arg(to_run) WHERE name = sqlc.arg(name) AND run_id = sqlc.arg(from_run);

-- name: ReleaseLock :execrows
UPDATE lock SET refs = refs - 1 WHERE name = sqlc.arg(name) AND run_id = sqlc.arg(run_id);

-- name: DropFreeLocks :exec
DELETE FROM lock WHERE run_id = sqlc.arg(run_id) AND refs <= 0;

-- name: DropLocks :exec
DELETE FROM lock WHERE run_id = sqlc.arg(run_id);

-- name: Locks :many
SELECT name, run_id, refs, taken_at FROM lock ORDER BY name;

-- name: AcquireLease :one
INSERT INTO lease (name, holder, epoch, until_at, touched) VALUES (sqlc.arg(name), sqlc.arg(holder), 1, sqlc.arg(until_at), 0)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, epoch = lease.epoch + 1, until_at = excluded.until_at
WHERE lease.until_at <= CAST(sqlc.arg(now_at) AS BIGINT) OR lease.holder = excluded.holder
RETURNING epoch;

-- name: RenewLease :execrows
UPDATE lease SET until_at = sqlc.arg(until_at) WHERE name = sqlc.arg(name) AND holder = sqlc.arg(holder) AND epoch = sqlc.arg(epoch);

-- name: ReleaseLease :execrows
UPDATE lease SET until_at = 0, holder = '' WHERE name = sqlc.arg(name) AND holder = sqlc.arg(holder) AND epoch = sqlc.arg(epoch);

-- name: Fence :execrows
UPDATE lease SET touched = touched + 1 WHERE name = sqlc.arg(name) AND holder = sqlc.arg(holder) AND epoch = sqlc.arg(epoch);

-- name: GetLease :one
SELECT name, holder, epoch, until_at FROM lease WHERE name = sqlc.arg(name);

-- name: Leases :many
SELECT name, holder, epoch, until_at FROM lease WHERE until_at > sqlc.arg(now_at) ORDER BY name;

-- name: EndLeases :exec
UPDATE lease SET until_at = 0, holder = '', epoch = epoch + 1;

-- name: PutReplica :exec
INSERT INTO replica (id, site, version, keys, started_at, seen_at)
VALUES (sqlc.arg(id), sqlc.arg(site), sqlc.arg(version), sqlc.arg(keys), sqlc.arg(started_at), sqlc.arg(seen_at))
ON CONFLICT (id) DO UPDATE SET site = excluded.site, version = excluded.version, keys = excluded.keys, started_at = excluded.started_at, seen_at = excluded.seen_at;

-- name: Replicas :many
SELECT id, site, version, keys, started_at, seen_at FROM replica WHERE seen_at > sqlc.arg(since) ORDER BY started_at, id;

-- name: DropReplica :exec
DELETE FROM replica WHERE id = sqlc.arg(id) OR seen_at < sqlc.arg(before);

-- name: FirstSite :execrows
INSERT INTO active_site (name, site, epoch, ask) VALUES ('site', sqlc.arg(site), 1, '') ON CONFLICT (name) DO NOTHING;

-- name: GetActiveSite :one
SELECT site, epoch, ask FROM active_site WHERE name = 'site';

-- name: LockActiveSite :one
UPDATE active_site SET epoch = epoch WHERE name = 'site' RETURNING site, epoch, ask;

-- name: SetActiveSite :exec
UPDATE active_site SET site = sqlc.arg(site), epoch = sqlc.arg(epoch), ask = sqlc.arg(ask) WHERE name = 'site';

-- name: InsertJournal :exec
INSERT INTO journal (seq, run_id, kind, made_at, body, hashes)
VALUES (sqlc.arg(seq), sqlc.arg(run_id), sqlc.arg(kind), sqlc.arg(made_at), sqlc.arg(body), sqlc.arg(hashes));

-- name: LockHead :one
UPDATE journal_head SET touched = touched + 1 WHERE id = 1 RETURNING size, frontier, note;

-- name: GetHead :one
SELECT size, frontier, note FROM journal_head WHERE id = 1;

-- name: LastOf :one
SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) AS seq FROM journal WHERE run_id = sqlc.arg(run_id);

-- name: GetRegister :one
SELECT body FROM journal_register WHERE id = 1;

-- name: SetRegister :exec
UPDATE journal_register SET body = sqlc.arg(body) WHERE id = 1;

-- name: SetHead :execrows
UPDATE journal_head SET size = sqlc.arg(size), frontier = sqlc.arg(frontier), note = sqlc.arg(note)
WHERE id = 1 AND size = sqlc.arg(old_size);

-- name: GetHashes :one
SELECT hashes FROM journal WHERE seq = sqlc.arg(seq);

-- name: LastSeq :one
SELECT CAST(COALESCE(MAX(seq), -1) AS BIGINT) FROM journal;

-- name: GetRow :one
SELECT * FROM journal WHERE seq = sqlc.arg(seq);

-- name: Rows :many
SELECT * FROM journal WHERE seq >= sqlc.arg(first_seq) ORDER BY seq LIMIT sqlc.arg(max_rows);

-- name: RowsOf :many
SELECT * FROM journal WHERE run_id = sqlc.arg(run_id) ORDER BY seq;

-- name: KeyRows :many
SELECT * FROM journal WHERE seq = 0 OR kind = 'key.rotated' ORDER BY seq;

-- name: InsertUpload :exec
INSERT INTO blob_upload (upload, made_at) VALUES (sqlc.arg(upload), sqlc.arg(made_at));

-- name: DeleteUpload :execrows
DELETE FROM blob_upload WHERE upload = sqlc.arg(upload);

-- name: InsertChunk :exec
INSERT INTO blob_chunk (upload, n, body) VALUES (sqlc.arg(upload), sqlc.arg(n), sqlc.arg(body));

-- name: GetChunk :one
SELECT body FROM blob_chunk WHERE upload = sqlc.arg(upload) AND n = sqlc.arg(n);

-- name: DeleteChunks :exec
DELETE FROM blob_chunk WHERE upload = sqlc.arg(upload);

-- name: StaleUploads :many
SELECT upload FROM blob_upload WHERE made_at < sqlc.arg(before);

-- name: InsertBlob :execrows
INSERT INTO blob (digest, upload, size, kind, media, name, made_at, erased_at)
VALUES (sqlc.arg(digest), sqlc.arg(upload), sqlc.arg(size), sqlc.arg(kind), sqlc.arg(media), sqlc.arg(name), sqlc.arg(made_at), 0)
ON CONFLICT (digest) DO UPDATE SET upload = excluded.upload, erased_at = 0, made_at = excluded.made_at WHERE blob.erased_at <> 0;

-- name: GetBlob :one
SELECT * FROM blob WHERE digest = sqlc.arg(digest);

-- name: BlobsBefore :many
SELECT digest, size, kind, media, name FROM blob WHERE made_at < sqlc.arg(before) AND erased_at = 0 ORDER BY made_at, digest LIMIT sqlc.arg(max_rows);

-- name: EraseBlob :execrows
UPDATE blob SET erased_at = sqlc.arg(erased_at) WHERE digest = sqlc.arg(digest) AND erased_at = 0;

-- name: PutToken :exec
INSERT INTO token (id, person, name, hash, scopes, made_at, expires_at, revoked_at, used_at)
VALUES (sqlc.arg(id), sqlc.arg(person), sqlc.arg(name), sqlc.arg(hash), sqlc.arg(scopes), sqlc.arg(made_at), sqlc.arg(expires_at), 0, 0);

-- name: RevokeToken :execrows
UPDATE token SET revoked_at = sqlc.arg(revoked_at) WHERE id = sqlc.arg(id) AND revoked_at = 0;

-- name: RevokeTokensOf :execrows
UPDATE token SET revoked_at = sqlc.arg(revoked_at) WHERE person = sqlc.arg(person) AND revoked_at = 0;

-- name: TouchToken :exec
UPDATE token SET used_at = sqlc.arg(used_at) WHERE id = sqlc.arg(id);

-- name: TokenByHash :one
SELECT * FROM token WHERE hash = sqlc.arg(hash);

-- name: Tokens :many
SELECT * FROM token WHERE CAST(sqlc.arg(person) AS TEXT) = '' OR person = CAST(sqlc.arg(person) AS TEXT) ORDER BY person, made_at, id;

-- name: PutSession :exec
INSERT INTO session (hash, person, surface, made_at, expires_at, used_at, detail)
VALUES (sqlc.arg(hash), sqlc.arg(person), sqlc.arg(surface), sqlc.arg(made_at), sqlc.arg(expires_at), sqlc.arg(used_at), sqlc.arg(detail))
ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at, used_at = excluded.used_at, detail = excluded.detail;

-- name: GetSession :one
SELECT * FROM session WHERE hash = sqlc.arg(hash);

-- name: DropSession :exec
DELETE FROM session WHERE hash = sqlc.arg(hash);

-- name: DropSessionsOf :exec
DELETE FROM session WHERE person = sqlc.arg(person);

-- name: DropOldSessions :exec
DELETE FROM session WHERE expires_at <= sqlc.arg(now_at);

-- name: PutNonce :exec
INSERT INTO nonce (nonce, purpose, person, detail, expires_at, used_at)
VALUES (sqlc.arg(nonce), sqlc.arg(purpose), sqlc.arg(person), sqlc.arg(detail), sqlc.arg(expires_at), 0);

-- name: TakeNonce :one
UPDATE nonce SET used_at = sqlc.arg(used_at)
WHERE nonce = sqlc.arg(nonce) AND purpose = sqlc.arg(purpose) AND used_at = 0 AND expires_at > sqlc.arg(now_at)
RETURNING nonce, purpose, person, detail, expires_at;

-- name: GetNonce :one
SELECT nonce, purpose, person, detail, expires_at FROM nonce
WHERE nonce = sqlc.arg(nonce) AND purpose = sqlc.arg(purpose) AND used_at = 0 AND expires_at > sqlc.arg(now_at);

-- name: DropOldNonces :exec
DELETE FROM nonce WHERE expires_at <= sqlc.arg(now_at);

-- name: PutNotice :exec
INSERT INTO notice (id, run_id, about, person, state, due_at, sent_at, acked_at, acked_by, detail)
VALUES (sqlc.arg(id), sqlc.arg(run_id), sqlc.arg(about), sqlc.arg(person), sqlc.arg(state), sqlc.arg(due_at), sqlc.arg(sent_at), 0, '', sqlc.arg(detail))
ON CONFLICT (id) DO UPDATE SET state = excluded.state, due_at = excluded.due_at, sent_at = excluded.sent_at, detail = excluded.detail;

-- name: AckNotice :execrows
UPDATE notice SET acked_at = sqlc.arg(acked_at), acked_by = sqlc.arg(acked_by), state = 'acknowledged' WHERE id = sqlc.arg(id) AND acked_at = 0;

-- name: Notices :many
SELECT * FROM notice WHERE CAST(sqlc.arg(run_id) AS TEXT) = '' OR run_id = CAST(sqlc.arg(run_id) AS TEXT) ORDER BY sent_at, id;

-- name: GetNotice :one
SELECT * FROM notice WHERE id = sqlc.arg(id);

-- name: PutInbox :execrows
INSERT INTO inbox (surface, event, received_at, done_at, body)
VALUES (sqlc.arg(surface), sqlc.arg(event), sqlc.arg(received_at), 0, sqlc.arg(body)) ON CONFLICT DO NOTHING;

-- name: OpenInbox :many
SELECT surface, event, received_at, body FROM inbox WHERE done_at = 0 ORDER BY received_at, surface, event LIMIT sqlc.arg(max_rows);

-- name: DoneInbox :execrows
UPDATE inbox SET done_at = sqlc.arg(done_at), body = '' WHERE surface = sqlc.arg(surface) AND event = sqlc.arg(event) AND done_at = 0;

-- name: ClaimInbox :execrows
UPDATE inbox SET received_at = sqlc.arg(now_at) WHERE surface = sqlc.arg(surface) AND event = sqlc.arg(event) AND done_at = 0 AND received_at = sqlc.arg(seen_at);

-- name: DropOldInbox :exec
DELETE FROM inbox WHERE done_at > 0 AND done_at < sqlc.arg(before);

-- name: PutOutbox :execrows
INSERT INTO outbox (id, surface, dest, run_id, kind, body, made_at, due_at, tries, sent_at, ref, problem)
VALUES (sqlc.arg(id), sqlc.arg(surface), sqlc.arg(dest), sqlc.arg(run_id), sqlc.arg(kind), sqlc.arg(body), sqlc.arg(made_at),
  sqlc.arg(due_at), 0, 0, '', '') ON CONFLICT DO NOTHING;

-- name: DueOutbox :many
SELECT * FROM outbox WHERE sent_at = 0 AND due_at <= sqlc.arg(now_at)
  AND (CAST(sqlc.arg(surface) AS TEXT) = '' OR surface = CAST(sqlc.arg(surface) AS TEXT))
ORDER BY made_at, id LIMIT sqlc.arg(max_rows);

-- name: GetOutbox :one
SELECT * FROM outbox WHERE id = sqlc.arg(id);

-- name: SentOutbox :execrows
UPDATE outbox SET sent_at = sqlc.arg(sent_at), ref = sqlc.arg(ref), problem = '' WHERE id = sqlc.arg(id) AND sent_at = 0;

-- name: DelayOutbox :execrows
UPDATE outbox SET tries = tries + 1, due_at = sqlc.arg(due_at), problem = sqlc.arg(problem) WHERE id = sqlc.arg(id) AND sent_at = 0;

-- name: GetCursor :one
SELECT seq FROM cursor WHERE name = sqlc.arg(name);

-- name: SetCursor :exec
INSERT INTO cursor (name, seq) VALUES (sqlc.arg(name), sqlc.arg(seq)) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq;

-- name: SliceDigests :many
SELECT digest FROM slice ORDER BY digest;

-- name: BlobDigests :many
SELECT digest FROM blob WHERE erased_at = 0 ORDER BY digest;

-- name: PutIdentity :exec
INSERT INTO identity (person, enrolment, password, totp, counter, made_at)
VALUES (sqlc.arg(person), sqlc.arg(enrolment), sqlc.arg(password), sqlc.arg(totp), sqlc.arg(counter), sqlc.arg(made_at))
ON CONFLICT (person, enrolment) DO UPDATE SET password = excluded.password, totp = excluded.totp, counter = excluded.counter, made_at = excluded.made_at;

-- name: GetIdentity :one
SELECT * FROM identity WHERE person = sqlc.arg(person) AND enrolment = sqlc.arg(enrolment);

-- name: IdentityPeople :many
SELECT person FROM identity WHERE enrolment = '' ORDER BY person;

-- name: DropIdentity :execrows
DELETE FROM identity WHERE person = sqlc.arg(person);

-- name: MoveCounter :execrows
UPDATE identity SET counter = sqlc.arg(counter) WHERE person = sqlc.arg(person) AND enrolment = '' AND counter < sqlc.arg(counter);

-- name: AddStrike :one
INSERT INTO strike (name, fails, since_at, until_at) VALUES (sqlc.arg(name), 1, sqlc.arg(now_at), 0)
ON CONFLICT (name) DO UPDATE SET
  fails = CASE WHEN strike.since_at < CAST(sqlc.arg(forget_at) AS BIGINT) THEN 1 ELSE strike.fails + 1 END,
  since_at = CASE WHEN strike.since_at < CAST(sqlc.arg(forget_at) AS BIGINT) THEN excluded.since_at ELSE strike.since_at END
RETURNING fails;

-- name: HoldStrike :exec
UPDATE strike SET until_at = sqlc.arg(until_at) WHERE name = sqlc.arg(name);

-- name: GetStrike :one
SELECT * FROM strike WHERE name = sqlc.arg(name);

-- name: DropStrike :exec
DELETE FROM strike WHERE name = sqlc.arg(name);

-- name: DropOldStrikes :exec
DELETE FROM strike WHERE since_at < sqlc.arg(forget_at) AND until_at < sqlc.arg(now_at);

-- name: TouchSession :exec
UPDATE session SET used_at = sqlc.arg(used_at) WHERE hash = sqlc.arg(hash) AND used_at < sqlc.arg(used_at);

-- name: MarkSession :execrows
UPDATE session SET detail = sqlc.arg(detail) WHERE hash = sqlc.arg(hash);

-- name: SessionsOf :many
SELECT * FROM session WHERE person = sqlc.arg(person) ORDER BY made_at DESC, hash;

-- name: PutCard :execrows
INSERT INTO console_card (id, dest, person, place, change, version, body, made_at, run_id)
SELECT CAST(sqlc.arg(id) AS TEXT), CAST(sqlc.arg(dest) AS TEXT), CAST(sqlc.arg(person) AS TEXT), COALESCE(MAX(place), 0) + 1, COALESCE(MAX(change), 0) + 1, 1,
  CAST(sqlc.arg(body) AS TEXT), CAST(sqlc.arg(made_at) AS BIGINT), CAST(sqlc.arg(run_id) AS TEXT)
FROM console_card WHERE 1 = 1 ON CONFLICT (id) DO NOTHING;

-- name: RedrawCard :execrows
UPDATE console_card SET body = sqlc.arg(body), version = version + 1, change = (SELECT MAX(c.change) + 1 FROM console_card c)
WHERE console_card.id = sqlc.arg(id);

-- name: GetCard :one
SELECT * FROM console_card WHERE id = sqlc.arg(id);

-- name: CardsBefore :many
SELECT * FROM console_card WHERE dest = sqlc.arg(dest) AND (person = '' OR person = sqlc.arg(person)) AND place < sqlc.arg(place)
ORDER BY place DESC LIMIT sqlc.arg(max_rows);

-- name: CardsChanged :many
SELECT * FROM console_card WHERE change > sqlc.arg(change) ORDER BY change LIMIT sqlc.arg(max_rows);

-- name: CardFloor :one
SELECT CAST(COALESCE((SELECT c.place FROM console_card c ORDER BY c.place DESC LIMIT 1 OFFSET sqlc.arg(keep)), 0) AS BIGINT) AS place;

-- name: DropCards :execrows
DELETE FROM console_card WHERE id IN (
  SELECT c.id FROM console_card c
  WHERE (c.place <= sqlc.arg(floor)
      OR (c.made_at < sqlc.arg(before) AND (c.run_id = '' OR NOT EXISTS (SELECT 1 FROM console_card o WHERE o.run_id = c.run_id AND o.made_at >= sqlc.arg(before)))))
    AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = c.run_id AND CAST(sqlc.arg(open) AS TEXT) LIKE '%,' || r.state || ',%')
    AND c.place < (SELECT MAX(p.place) FROM console_card p) AND c.change < (SELECT MAX(p.change) FROM console_card p)
  ORDER BY c.place LIMIT sqlc.arg(max_rows));

-- name: DropSent :execrows
DELETE FROM outbox WHERE id IN (
  SELECT o.id FROM outbox o
  WHERE o.sent_at > 0 AND o.sent_at < sqlc.arg(before) AND (o.kind NOT IN ('board', 'redraw') OR o.sent_at < sqlc.arg(boards_before))
    AND NOT EXISTS (SELECT 1 FROM run r WHERE r.id = o.run_id AND CAST(sqlc.arg(open) AS TEXT) LIKE '%,' || r.state || ',%')
  ORDER BY o.sent_at LIMIT sqlc.arg(max_rows));

-- name: LastCardChange :one
SELECT CAST(COALESCE(MAX(change), 0) AS BIGINT) AS change FROM console_card;

-- name: PutPassageVector :exec
INSERT INTO passage_vector (model, passage, dim, body) VALUES (sqlc.arg(model), sqlc.arg(passage), sqlc.arg(dim), sqlc.arg(body))
ON CONFLICT (model, passage) DO UPDATE SET dim = excluded.dim, body = excluded.body;

-- name: PassageVectors :many
SELECT passage, dim, body FROM passage_vector WHERE model = sqlc.arg(model) AND passage > sqlc.arg(after) ORDER BY passage LIMIT sqlc.arg(max_rows);

-- name: PassageVectorNames :many
SELECT model, passage FROM passage_vector ORDER BY model, passage;

-- name: DropPassageVector :exec
DELETE FROM passage_vector WHERE model = sqlc.arg(model) AND passage = sqlc.arg(passage);

-- name: PutRunbook :exec
INSERT INTO runbook (doc, digest, changed_at) VALUES (sqlc.arg(doc), sqlc.arg(digest), sqlc.arg(changed_at))
ON CONFLICT (doc) DO UPDATE SET digest = excluded.digest, changed_at = excluded.changed_at WHERE runbook.digest <> excluded.digest;

-- name: Runbooks :many
SELECT * FROM runbook ORDER BY doc;

-- name: DropRunbook :exec
DELETE FROM runbook WHERE doc = sqlc.arg(doc);

-- name: PutFeedback :exec
INSERT INTO feedback (id, at, person, verdict, note, question, docs)
VALUES (sqlc.arg(id), sqlc.arg(at), sqlc.arg(person), sqlc.arg(verdict), sqlc.arg(note), sqlc.arg(question), sqlc.arg(docs))
ON CONFLICT (id) DO UPDATE SET at = excluded.at, verdict = excluded.verdict, note = excluded.note;

-- name: Feedback :many
SELECT * FROM feedback ORDER BY at DESC, id LIMIT sqlc.arg(max_rows);

-- name: PutUnanswered :exec
INSERT INTO unanswered (id, question, lang, times, first_at, last_at)
VALUES (sqlc.arg(id), sqlc.arg(question), sqlc.arg(lang), 1, sqlc.arg(at), sqlc.arg(again))
ON CONFLICT (id) DO UPDATE SET times = unanswered.times + 1, last_at = excluded.last_at;

-- name: Unanswered :many
SELECT * FROM unanswered ORDER BY last_at DESC, id LIMIT sqlc.arg(max_rows);

-- name: DropUnanswered :exec
DELETE FROM unanswered WHERE id = sqlc.arg(id);

-- name: TrimUnanswered :exec
DELETE FROM unanswered WHERE last_at <= (SELECT u.last_at FROM unanswered u ORDER BY u.last_at DESC LIMIT 1 OFFSET sqlc.arg(keep));

-- name: TrimFeedback :exec
DELETE FROM feedback WHERE at <= (SELECT f.at FROM feedback f ORDER BY f.at DESC LIMIT 1 OFFSET sqlc.arg(keep));

-- name: AddModelUse :one
INSERT INTO model_use (day, tokens, calls) VALUES (sqlc.arg(day), sqlc.arg(tokens), sqlc.arg(calls))
ON CONFLICT (day) DO UPDATE SET tokens = model_use.tokens + excluded.tokens, calls = model_use.calls + excluded.calls
RETURNING tokens, calls;

-- name: TrimModelUse :exec
DELETE FROM model_use WHERE day < sqlc.arg(day);

-- name: LockSignals :one
UPDATE signal_head SET seq = seq WHERE name = 'signals' RETURNING seq, at;

-- name: SignalHead :one
SELECT seq, at FROM signal_head WHERE name = 'signals';

-- name: MoveSignals :exec
UPDATE signal_head SET seq = sqlc.arg(seq), at = sqlc.arg(at) WHERE name = 'signals';

-- name: PutSignal :execrows
INSERT INTO signal (seq, id, alert, source, kind, status, at, body)
VALUES (sqlc.arg(seq), sqlc.arg(id), sqlc.arg(alert), sqlc.arg(source), sqlc.arg(kind), sqlc.arg(status), sqlc.arg(at), sqlc.arg(body))
ON CONFLICT (id) DO NOTHING;

-- name: SignalKnown :one
SELECT CAST(COUNT(*) AS BIGINT) AS n FROM signal WHERE id = sqlc.arg(id);

-- name: SignalsAfter :many
SELECT seq, at, body FROM signal WHERE seq > sqlc.arg(seq) ORDER BY seq LIMIT sqlc.arg(max_rows);

-- name: SignalOf :one
SELECT seq, at, body FROM signal WHERE id = sqlc.arg(id);

-- name: SignalsFiring :many
SELECT s.seq, s.at, s.body FROM signal s
WHERE s.kind = 'alert' AND s.status = 'firing' AND (s.source = sqlc.arg(source) OR CAST(sqlc.arg(source) AS TEXT) = '')
  AND NOT EXISTS (SELECT 1 FROM signal r WHERE r.alert = s.alert AND r.status = 'resolved' AND r.seq > s.seq)
ORDER BY s.seq DESC LIMIT sqlc.arg(max_rows);

-- name: SignalsBetween :many
SELECT seq, at, body FROM signal WHERE kind = 'alert' AND at >= sqlc.arg(since) AND at <= sqlc.arg(until) ORDER BY seq LIMIT sqlc.arg(max_rows);

-- name: DropSignals :execrows
DELETE FROM signal WHERE signal.seq <= sqlc.arg(seq) AND (signal.at < sqlc.arg(before) OR signal.seq <= sqlc.arg(floor))
  AND signal.seq IN (SELECT s.seq FROM signal s ORDER BY s.seq LIMIT sqlc.arg(max_rows));

-- name: PutSituation :exec
INSERT INTO situation (id, state, first_at, last_at, body)
VALUES (sqlc.arg(id), sqlc.arg(state), sqlc.arg(first_at), sqlc.arg(last_at), sqlc.arg(body))
ON CONFLICT (id) DO UPDATE SET state = excluded.state, first_at = excluded.first_at, last_at = excluded.last_at, body = excluded.body;

-- name: GetSituation :one
SELECT body FROM situation WHERE id = sqlc.arg(id);

-- name: Situations :many
SELECT body FROM situation WHERE state IN ('open', 'quiet') OR CAST(sqlc.arg(ended) AS BIGINT) = 1
ORDER BY CASE WHEN state IN ('open', 'quiet') THEN 0 ELSE 1 END, first_at DESC, id LIMIT sqlc.arg(max_rows);

-- name: DropSituations :execrows
DELETE FROM situation WHERE id IN (
  SELECT s.id FROM situation s WHERE s.state NOT IN ('open', 'quiet') AND s.last_at < sqlc.arg(before) ORDER BY s.last_at LIMIT sqlc.arg(max_rows));

-- name: TrimSituations :exec
DELETE FROM situation WHERE state NOT IN ('open', 'quiet')
  AND last_at <= (SELECT s.last_at FROM situation s WHERE s.state NOT IN ('open', 'quiet') ORDER BY s.last_at DESC LIMIT 1 OFFSET sqlc.arg(keep));

-- name: PutEngine :exec
INSERT INTO situation_engine (name, seq, at, files, body, told_seq, told_at)
VALUES ('situations', sqlc.arg(seq), sqlc.arg(at), sqlc.arg(files), sqlc.arg(body), sqlc.arg(told_seq), sqlc.arg(told_at))
ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, at = excluded.at, files = excluded.files, body = excluded.body,
  told_seq = excluded.told_seq, told_at = excluded.told_at;

-- name: ToldEngine :execrows
UPDATE situation_engine SET told_seq = sqlc.arg(told_seq), told_at = sqlc.arg(told_at) WHERE name = 'situations';

-- name: GetEngine :one
SELECT seq, at, files, body, told_seq, told_at FROM situation_engine WHERE name = 'situations';

-- name: PutSituationAnswer :exec
INSERT INTO situation_answer (id, situation, at, person, answer, body)
VALUES (sqlc.arg(id), sqlc.arg(situation), sqlc.arg(at), sqlc.arg(person), sqlc.arg(answer), sqlc.arg(body))
ON CONFLICT (id) DO UPDATE SET at = excluded.at, answer = excluded.answer, body = excluded.body;

-- name: SituationAnswers :many
SELECT situation, at, person, answer, body FROM situation_answer ORDER BY at DESC, id LIMIT sqlc.arg(max_rows);

-- name: TrimSituationAnswers :exec
DELETE FROM situation_answer WHERE at <= (SELECT a.at FROM situation_answer a ORDER BY a.at DESC LIMIT 1 OFFSET sqlc.arg(keep));
