"""When to run: what wakes the agent, the queue of names, its life on a host. May import the pipeline and the rooms."""
