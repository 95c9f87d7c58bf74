-- Secrets of the whole installation, one a use, the same on every node.

CREATE TABLE secret (
    name       TEXT    NOT NULL PRIMARY KEY,
    sealed     BLOB    NOT NULL, -- under the master key, bound to this row
    created_at INTEGER NOT NULL
) STRICT;

-- What an entry says beyond who, what and whom: a reason, a caller's word about an address. Never a secret.
ALTER TABLE audit ADD COLUMN detail TEXT NOT NULL DEFAULT '';
