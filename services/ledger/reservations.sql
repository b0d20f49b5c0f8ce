-- name: lock_kind
-- One process at a time counts settings of a kind and adds to them; released with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended(concat_ws('/', $1::text, $2::text), 0));

-- name: count_settings
-- How many living settings of a kind there are, and names claimed for more that the view does not show yet.
SELECT (SELECT count(*) FROM views.setting WHERE tenant = $1 AND kind = $2 AND NOT deleted)
    + (SELECT count(*) FROM ledger.reservation WHERE tenant = $1 AND connection = $2 AND kind = 'name' AND NOT confirmed);
