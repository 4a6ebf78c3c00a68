"""What sets the product up: bootstrap, install scripts, and the private dockerd of tests, bench and demo."""
