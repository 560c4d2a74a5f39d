"""The demo: people of a script on real sockets, for a console to show."""
