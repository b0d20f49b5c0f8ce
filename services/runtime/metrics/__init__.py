"""Metrics of the services: the catalogue, how they are counted, and how Prometheus reads them."""
