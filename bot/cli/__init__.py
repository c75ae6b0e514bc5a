"""The command line: the commands of the program, and their output."""
