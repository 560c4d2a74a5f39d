"""Faults of real networks and processes against real nodes under load, and what must hold through them."""
