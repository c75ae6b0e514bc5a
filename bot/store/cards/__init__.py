"""Cards: import what a load read, query what a server can see."""
