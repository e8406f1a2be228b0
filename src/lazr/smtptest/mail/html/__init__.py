"""HTML as a mail's reader sees it: its tags, its text, its links.

The tokenizer is our own: `html.parser` takes time by the square of what it is given, in some of the Pythons
that we run on, and raises in others.
"""
