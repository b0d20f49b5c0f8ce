-- Failed logins: `login_guard` by subject, connection and identifier, `ip_guard` by IP address. Each row is written from one partition
-- of the log; readers add the rows up. Times are milliseconds since 1970; `ips` maps an address to [failures, latest].
CREATE TABLE login_guard (
    tenant text NOT NULL,
    subject text NOT NULL,
    connection text COLLATE "C" NOT NULL,
    identifier text COLLATE "C" NOT NULL,
    failures bigint NOT NULL,
    last_failed bigint NOT NULL,
    ips jsonb NOT NULL,
    memory text,
    PRIMARY KEY (tenant, subject, connection, identifier)
) WITH (fillfactor = 70);
CREATE INDEX login_guard_identifier ON login_guard (tenant, identifier);

CREATE TABLE ip_guard (
    tenant text NOT NULL,
    ip text COLLATE "C" NOT NULL,
    partition integer NOT NULL,
    times bigint[] NOT NULL,
    released_at bigint,
    PRIMARY KEY (tenant, ip, partition)
) WITH (fillfactor = 70);

ALTER TABLE login_guard ENABLE ROW LEVEL SECURITY;
ALTER TABLE ip_guard ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON login_guard USING (tenant = current_setting('vita.tenant', true));
CREATE POLICY one_tenant ON ip_guard USING (tenant = current_setting('vita.tenant', true));
