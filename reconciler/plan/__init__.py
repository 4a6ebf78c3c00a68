"""Room 3: what must change, and why? Pure: no I/O, no clock."""
