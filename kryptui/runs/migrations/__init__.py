"""How the tables of the record came to be, step by step, and the way from an older record to this version's.

Nothing here is imported unless a record is older than `schema.REVISION`: a new one is made from `schema` at once.
"""
