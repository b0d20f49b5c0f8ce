-- Checks of people's rows against their history, and repairs that operators ask for. Subjects are opaque, and what differs is named
-- by table and column only.
CREATE TABLE ledger.repair (
    tenant text NOT NULL REFERENCES ledger.tenant (name),
    subject text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by text NOT NULL,
    rounds integer NOT NULL DEFAULT 0,
    mended text[] NOT NULL DEFAULT '{}',
    settled_at timestamptz,
    failure text,
    PRIMARY KEY (tenant, subject)
);
CREATE INDEX repair_open ON ledger.repair (requested_at) WHERE settled_at IS NULL;
COMMENT ON TABLE ledger.repair IS 'Whose rows are made anew from their history; `mended` names what differed, `failure` why it was not possible';

CREATE TABLE ledger.difference (
    tenant text NOT NULL REFERENCES ledger.tenant (name),
    subject text NOT NULL,
    name text NOT NULL,
    found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, subject, name)
);
COMMENT ON TABLE ledger.difference IS 'Where the rows of people differ from their history, by table and column';

CREATE TABLE ledger.self_check (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    people bigint NOT NULL,
    last_at timestamptz NOT NULL
);
COMMENT ON TABLE ledger.self_check IS 'How many people were compared with their history, and when the last one was';

ALTER TABLE ledger.repair ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.difference ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.repair USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON ledger.difference USING (tenant = current_setting('vita.tenant', true));
