-- Ingest finds the person behind a provider's id when a gateway asks whether to let them in: one tenant's, and nothing else of the directory.
GRANT SELECT (tenant, provider, idp_id, subject) ON ledger.directory TO vita_ingest;
CREATE POLICY one_tenant_for_ingest ON ledger.directory FOR SELECT TO vita_ingest USING (tenant = current_setting('vita.tenant', true));
