"""How somebody is banned from the window: the sheet that asks, and the act."""
