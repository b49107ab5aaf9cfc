"""A look from reference pictures: what films, prints and settings make pictures like them."""
