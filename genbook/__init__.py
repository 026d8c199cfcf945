"""Helper package of the book: one flat module per idea, nothing happens at import."""
