"""What a mode other than run does and prints, one mode a file."""
