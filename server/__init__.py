"""One node: sessions, rooms, protocol and sockets; no Qt anywhere."""
