"""A reverse proxy for apps that were built on a backend-as-a-service.

A client speaks one provider's REST dialect; its data lives behind another provider, or in the gateway's own store. The
gateway reads the client's request into one canonical model, lets a backend execute it, and writes the answer in the
client's dialect. N dialects and M backends stand around one model; no code knows two dialects at once.

    server.handle        bytes -> HttpRequest                                     I/O
    pipeline.serve       the story of a request, on one screen
      front.identify         credentials -> the application and its Caller        pure
      dialect.read           HttpRequest -> Exchange(op, route), or why not       pure
      backend.identify       the Caller with the user and roles of its session
      backend.execute        op, caller -> Result
          Guarded: the one authoriser, around every backend; each item of a batch passes it too
          Typed: values that do not tell of which kind they are, by the columns of their classes, which of a server of
            others are Learned
          Renamed: the backend's names of classes and fields, where clients have others
          Files: objects of `_File` and their bytes, in a folder or a bucket            I/O
          Services: counters, a cache, a log of clients, friends, statuses, pushes, and code of the app's own
          Installations: the devices of an app, each with one object
          Accounts: users, sessions and roles, and the rules for their objects
            Outside: what they ask of mail servers and webhooks                     I/O
          Whose, Emulating, Pointers, Completing: what a server of others has no words for, or does not tell
            Remote: op -> its dialect -> HTTP -> Result; users and ACLs are its own I/O
          Embedded: op -> SQL -> rows -> Result; permissions are part of the SQL  store
      dialect.write_answer   Result -> HttpResponse                               pure
    server               HttpResponse -> bytes                                    I/O

What a dialect says and how stands in `mappings/<dialect>.yaml`: one template both writes and reads, so that a dialect
can stand in front of the gateway or behind it. It is checked and compiled into tables before the port opens.

Imports point one way (tests/test_architecture.py holds the table): `errors` and `wire` know nothing of ours, the model
knows errors, the mapping the model, the dialects the mapping, the store only model and errors, and `app` everything.
"""

__version__ = "0.1.0"
