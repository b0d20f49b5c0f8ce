-- Links of identities in progress (design D16): a row exists until all of its events have taken effect, or none of them. It has the
-- events in the sealed form of the log, so that any process that finds the row can complete the link.
CREATE TABLE ledger.link (
    tenant text NOT NULL,
    command uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('link', 'unlink', 'delete')),
    events bytea[] NOT NULL CHECK (cardinality(events) > 0),
    undo bytea,
    touched_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, command)
);
COMMENT ON COLUMN ledger.link.undo IS 'The event that reverts the first one if the second one is refused';

CREATE TABLE ledger.link_participant (
    tenant text NOT NULL,
    subject text NOT NULL,
    command uuid NOT NULL,
    CONSTRAINT link_participant_unique PRIMARY KEY (tenant, subject),
    FOREIGN KEY (tenant, command) REFERENCES ledger.link ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX link_participant_command ON ledger.link_participant (tenant, command);
COMMENT ON TABLE ledger.link_participant IS 'The people of links in progress; a person takes part in one command at a time';

ALTER TABLE ledger.link ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.link_participant ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.link USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON ledger.link_participant USING (tenant = current_setting('vita.tenant', true));
