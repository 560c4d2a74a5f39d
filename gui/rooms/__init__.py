"""The Rooms view: rooms, members, chat, and what a moderator does there."""
