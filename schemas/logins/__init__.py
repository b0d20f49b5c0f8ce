"""Raw logins as gateways send them: the contract, its signature, and the reasons of refused logins."""
