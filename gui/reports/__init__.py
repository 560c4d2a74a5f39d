"""The Reports view: what members have reported, with what was said then, and who works on it."""
