"""The small parts of which the views are made; none of them knows a node."""
