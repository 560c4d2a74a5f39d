"""Bytes to messages and back, one module for each protocol; pure."""
