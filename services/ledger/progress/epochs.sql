-- name: topic_epoch
-- Returns the number of times that a topic has been made again.
SELECT epoch FROM ledger.topic_epoch WHERE topic = $1;
