"""The Audit view: who did what to whom, where and why, and the bans in force."""
