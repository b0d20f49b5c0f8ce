-- One row per connection of a tenant. `document` is what the API returns; `maps_identity` means that its own options may identify a person.
CREATE TABLE connection (
    tenant text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    strategy text NOT NULL,
    revision bigint NOT NULL,
    document text NOT NULL,
    maps_identity boolean NOT NULL,
    event_id uuid NOT NULL,
    deleted boolean NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX connection_name ON connection (tenant, name);

ALTER TABLE connection ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON connection USING (tenant = current_setting('vita.tenant', true));
