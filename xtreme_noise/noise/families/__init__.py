"""One module per noise family, found by its name; each has exactly one class called Family."""
