"""A trained network behind HTTP: a page, an answer to each picture, versions, counts."""
