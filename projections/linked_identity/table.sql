-- The identities of people besides their first one, so that a person who logs in with one of them is found.
CREATE TABLE linked_identity (
    tenant text NOT NULL,
    subject text NOT NULL,
    provider text NOT NULL,
    idp_id text NOT NULL,
    connection text NOT NULL,
    email_folded text,
    username text,
    phone_number text,
    PRIMARY KEY (tenant, subject, provider, idp_id)
);
CREATE INDEX linked_identity_id ON linked_identity (tenant, provider, idp_id);
CREATE INDEX linked_identity_email ON linked_identity (tenant, email_folded);
CREATE INDEX linked_identity_username ON linked_identity (tenant, username);
CREATE INDEX linked_identity_phone_number ON linked_identity (tenant, phone_number);

ALTER TABLE linked_identity ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON linked_identity USING (tenant = current_setting('vita.tenant', true));
