-- One-time codes and the outbox of their messages.

CREATE TABLE code (
    sequence   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id         BLOB    NOT NULL UNIQUE,
    app        TEXT    NOT NULL REFERENCES app (id),
    purpose    TEXT    NOT NULL,
    contact    BLOB    NOT NULL, -- keyed hash
    resource   TEXT    NOT NULL, -- empty where the code is for no one thing
    hash       BLOB    NOT NULL, -- of the digits: which key, and its MAC
    tries      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER,
    ended      TEXT
) STRICT;

CREATE INDEX code_binding ON code (app, purpose, contact, resource, sequence);

CREATE TABLE message (
    id         BLOB    NOT NULL PRIMARY KEY,
    code       BLOB    NOT NULL REFERENCES code (id),
    channel    TEXT    NOT NULL,
    sealed     BLOB,             -- contact, digits and language; gone once nothing is to be sent any more
    sealed_for BLOB    NOT NULL, -- the message that it was sealed for: a code that is sent again is the same message
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX message_code ON message (code);

-- Calls that may be repeated: what they were answered with.
CREATE TABLE repeatable (
    key        BLOB    NOT NULL PRIMARY KEY,
    code       BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX repeatable_created ON repeatable (created_at);
