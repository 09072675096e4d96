"""A trained generator behind a web page: drawn, loaded or sent pictures in, translations out."""
