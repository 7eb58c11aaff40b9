"""What is written down about a set while it is made: outcomes, records, what it was begun with."""
