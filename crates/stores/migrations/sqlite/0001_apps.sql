-- Apps, their access keys, the sealing keys, and the audit trail.

CREATE TABLE app (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    tenant     TEXT,
    enabled    INTEGER NOT NULL,
    created_at INTEGER NOT NULL -- milliseconds since 1970, as in every table
) STRICT;

CREATE TABLE access_key (
    id            TEXT    NOT NULL PRIMARY KEY,
    app           TEXT    NOT NULL REFERENCES app (id),
    sealed_secret BLOB    NOT NULL, -- under the master key, bound to this row
    permissions   TEXT    NOT NULL, -- '*', or words separated by spaces
    enabled       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE sealing_key (
    id         BLOB    NOT NULL PRIMARY KEY, -- 4 bytes, as tokens carry it
    sealed_key BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    seals_from INTEGER NOT NULL -- until a newer one does; it opens at once
) STRICT;

-- Counts the changes of the three tables above, so that a server notices them by reading one number.
CREATE TABLE directory_revision (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT;

INSERT INTO directory_revision (only_row, revision) VALUES (1, 0);

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    event    TEXT    NOT NULL,
    subject  TEXT    NOT NULL
) STRICT;
