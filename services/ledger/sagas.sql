-- name: reserve_participants
-- Reserves people for a saga; returns fewer rows if another saga has one of them.
INSERT INTO ledger.link_participant (tenant, subject, command)
SELECT $1, requested.subject, $2 FROM unnest($3::text[]) AS requested (subject)
ON CONFLICT ON CONSTRAINT link_participant_unique DO NOTHING
RETURNING subject;

-- name: begin
-- Stores a saga. From now on a process will complete it, also after a crash.
INSERT INTO ledger.link (tenant, command, kind, events, undo, holder) VALUES ($1, $2, $3, $4, $5, $6);

-- name: touch
-- Records that a process is at work on a saga; no row if the saga has ended.
UPDATE ledger.link SET touched_at = now() WHERE tenant = $1 AND command = $2 RETURNING command;

-- name: end
-- Deletes a saga, and with it the reservations of its people.
DELETE FROM ledger.link WHERE tenant = $1 AND command = $2;

-- name: abandoned
-- Returns sagas whose process has ended, or that no process was at work on for some seconds: all, or those of these people.
SELECT l.command, l.kind, l.events, l.undo
FROM ledger.link AS l
WHERE l.tenant = $1 AND (l.touched_at < now() - make_interval(secs => $2) OR NOT EXISTS (
    SELECT FROM pg_locks AS k
    WHERE k.locktype = 'advisory' AND k.objsubid = 1 AND k.granted AND k.classid::bigint << 32 | k.objid::bigint = l.holder
)) AND ($3::text[] IS NULL OR EXISTS (
    SELECT FROM ledger.link_participant AS p WHERE p.tenant = $1 AND p.command = l.command AND p.subject = ANY ($3::text[])
))
ORDER BY l.touched_at LIMIT 100;

-- name: take_over
-- Makes this process the holder of an abandoned saga; no row if another process is at work on it.
UPDATE ledger.link AS l SET touched_at = now(), holder = $4
WHERE l.tenant = $1 AND l.command = $2 AND (l.touched_at < now() - make_interval(secs => $3) OR NOT EXISTS (
    SELECT FROM pg_locks AS k
    WHERE k.locktype = 'advisory' AND k.objsubid = 1 AND k.granted AND k.classid::bigint << 32 | k.objid::bigint = l.holder
))
RETURNING l.command;
