"""The tools that draw, fetch and prepare data sets; the data sets themselves lie beside them."""
