"""What stays around every view: rail, top bar, status bar."""
