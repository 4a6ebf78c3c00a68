"""`make bench`: what we cost beside a loop of `docker compose up -d` over the same stacks, measured in one run."""
