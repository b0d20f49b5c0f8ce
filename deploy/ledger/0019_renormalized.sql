-- A generation that was folded from logins whose claims were mapped again.
ALTER TABLE ledger.generation ADD COLUMN renormalized boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN ledger.generation.renormalized IS 'Whether its logins were mapped again, with the settings at the time of its rebuild';
