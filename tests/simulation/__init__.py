"""A cluster of the product's own bus, feeds and sessions under virtual time, with faults, and clients that judge."""
