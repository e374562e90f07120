"""The interpreter of a mapping, and its codecs: plain data in, plain data out, no I/O.

Files are named after a syntax, never after a product.
"""
