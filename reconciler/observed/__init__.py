"""Room 2: what is there? Containers, networks, volumes, images, the daemon and its file."""
