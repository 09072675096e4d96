"""A web page and a server that translate images with a trained generator."""
