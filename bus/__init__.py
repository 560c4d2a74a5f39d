"""Moves records and casts between nodes; knows nothing of rooms, users or Qt."""
