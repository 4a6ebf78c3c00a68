"""Room 5: say what happened. The store and the status document."""
