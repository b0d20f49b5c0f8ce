-- name: add_to_population
-- Adds the changes of a batch to the number of people.
INSERT INTO population AS p (tenant, partition, users)
SELECT tenant, partition, users FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS r (tenant, partition, users)
ON CONFLICT (tenant, partition) DO UPDATE SET users = p.users + excluded.users;
