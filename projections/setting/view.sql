-- The stable names of the live generation. The views besides `setting` are read with the owner's rights, by roles that may
-- read no other setting: `protection` by ingest for the tenant of a request, `attribute_profile` and `default_picture` by
-- the normalizer.
CREATE OR REPLACE VIEW views.setting WITH (security_invoker = true) AS SELECT * FROM setting;
CREATE OR REPLACE VIEW views.protection AS
    SELECT tenant, id, document FROM setting
    WHERE kind = 'attack_protection' AND NOT deleted AND tenant = current_setting('vita.tenant', true);
CREATE OR REPLACE VIEW views.attribute_profile AS
    SELECT tenant, id, document FROM setting WHERE kind = 'user_attribute_profile' AND NOT deleted;
CREATE OR REPLACE VIEW views.default_picture AS
    SELECT tenant, default_picture FROM setting WHERE kind = 'tenant' AND id = 'settings' AND NOT deleted;
