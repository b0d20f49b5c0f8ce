-- The stable names of the live generation.
CREATE OR REPLACE VIEW views.session WITH (security_invoker = true) AS SELECT * FROM session;
CREATE OR REPLACE VIEW views.refresh_token WITH (security_invoker = true) AS SELECT * FROM refresh_token;
CREATE OR REPLACE VIEW views.user_grant WITH (security_invoker = true) AS SELECT * FROM user_grant;
CREATE OR REPLACE VIEW views.device_credential WITH (security_invoker = true) AS SELECT * FROM device_credential;
