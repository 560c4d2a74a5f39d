"""The Flow view: what goes through the cluster, message by message; models and views side by side."""
