"""Room 4: make it so. Performs one step and decides nothing."""
