-- name: topic_epoch
-- Which incarnation of a topic this is.
SELECT epoch FROM ledger.topic_epoch WHERE topic = $1;
