-- name: add_to_population
-- Adds the changes of a batch to the number of people.
INSERT INTO population AS p (tenant, partition, living)
SELECT tenant, partition, living FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS r (tenant, partition, living)
ON CONFLICT (tenant, partition) DO UPDATE SET living = p.living + excluded.living;
