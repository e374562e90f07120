"""The gateway's own store: it knows the model and errors, and nothing of dialects or HTTP.

sqlite        the file, the driver and the threads: jobs to the writer, reads to whoever is free
objects       what each operation does, on one connection
  changes         updates, on the stored form of a document
  filter_sql      filters as SQL; functions is what SQL lacks for them
  projection      select, exclude, include
  access          access control lists: what a caller may read and write
  roles           which roles a user is in
  cursor          where a scan goes on
schema        classes, columns and indexes, learned and kept
encoding      values as JSON, there and back
connection    what is asked of a driver
"""
