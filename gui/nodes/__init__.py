"""The Nodes view: every node of the cluster, launching and stopping, and what the launched ones say."""
