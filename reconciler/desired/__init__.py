"""Room 1: what do we want? Git, layers, checks, rendering, digests."""
