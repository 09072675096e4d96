"""Tools that draw, download and prepare data sets; the data sets are in this folder too."""
