-- One row per person. `document` is what the API returns; `memory` is read by the fold only; `secrets` is sealed with the
-- person's key; `associations` has data of the person that the document does not contain.
CREATE TABLE profile (
    tenant text NOT NULL,
    subject text NOT NULL,
    user_id text,
    revision bigint NOT NULL,
    document text,
    memory text NOT NULL,
    secrets bytea,
    associations text,
    PRIMARY KEY (tenant, subject)
) WITH (fillfactor = 70);
CREATE INDEX profile_user_id ON profile (tenant, user_id);

ALTER TABLE profile ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON profile USING (tenant = current_setting('vita.tenant', true));
