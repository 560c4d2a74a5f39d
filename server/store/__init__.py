"""What outlives the processes of a cluster: rulings, the audit with heads of its chains, and what was said."""
