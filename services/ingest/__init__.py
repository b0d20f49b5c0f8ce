"""HTTP -> logins.raw: what gateways send, checked. At least once; accepted means acknowledged by all
replicas."""
