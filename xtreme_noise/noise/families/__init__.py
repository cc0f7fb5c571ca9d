"""One module per noise family, under its name; each has exactly one class called Family."""
