-- Data that a replay of the log cannot recreate: tenants, keys, the directory, reservations, positions, and heartbeats.
CREATE SCHEMA ledger;
CREATE SCHEMA views;

CREATE TABLE ledger.tenant (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    display_name text NOT NULL,
    strict_connections boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN ledger.tenant.strict_connections IS 'true: a login through an unknown connection is refused instead of registering it';

CREATE TABLE ledger.topic_epoch (
    topic text PRIMARY KEY,
    epoch integer NOT NULL
);
COMMENT ON TABLE ledger.topic_epoch IS 'Counts how often a topic was created, so that offsets of a recreated topic are not mistaken for old ones';

CREATE TABLE ledger.generation (
    number integer PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX generation_one_live ON ledger.generation (state) WHERE state = 'live';

CREATE TABLE ledger.position (
    generation integer NOT NULL REFERENCES ledger.generation ON DELETE CASCADE,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (generation, topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE ledger.wrapping_key (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE ledger.subject_key (
    tenant text NOT NULL,
    owner text NOT NULL,
    version smallint NOT NULL DEFAULT 1,
    profile bytea,
    activity bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, owner)
);
COMMENT ON TABLE ledger.subject_key IS 'Wrapped keys; a NULL key has been destroyed. Backups must contain this table, and an erasure must reach its backups';

CREATE TABLE ledger.directory (
    tenant text NOT NULL,
    provider text NOT NULL,
    idp_id text NOT NULL,
    subject text NOT NULL,
    PRIMARY KEY (tenant, provider, idp_id)
);
CREATE INDEX directory_subject ON ledger.directory (tenant, subject);

CREATE TABLE ledger.reservation (
    tenant text NOT NULL,
    connection text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('email', 'username', 'phone_number', 'user_id', 'connection')),
    value text NOT NULL,
    subject text NOT NULL,
    event_id uuid NOT NULL,
    confirmed boolean NOT NULL DEFAULT false,
    reserved_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT reservation_unique PRIMARY KEY (tenant, connection, kind, value)
);
CREATE INDEX reservation_subject ON ledger.reservation (tenant, subject);
CREATE INDEX reservation_event ON ledger.reservation (event_id);
CREATE INDEX reservation_pending ON ledger.reservation (reserved_at) WHERE NOT confirmed;

CREATE TABLE ledger.signing_key (
    kid text PRIMARY KEY,
    public_jwk text NOT NULL,
    private_wrapped bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);

CREATE TABLE ledger.heartbeat (
    worker text NOT NULL,
    instance text NOT NULL,
    pid integer NOT NULL,
    host text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    handled bigint NOT NULL DEFAULT 0,
    rate double precision NOT NULL DEFAULT 0,
    last_error text,
    last_error_at timestamptz,
    PRIMARY KEY (worker, instance)
) WITH (fillfactor = 50);

-- Every query sees the rows of one tenant only.
ALTER TABLE ledger.directory ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.reservation ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.subject_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON ledger.directory USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON ledger.reservation USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON ledger.subject_key USING (tenant = current_setting('vita.tenant', true));
