"""Nodes that are killed again and again while people talk: nothing is lost, and nobody notices much."""
