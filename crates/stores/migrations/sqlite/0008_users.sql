-- People whom apps let in, and their sessions.

CREATE TABLE user (
    id            BLOB    NOT NULL PRIMARY KEY, -- 16 bytes
    app           TEXT    NOT NULL REFERENCES app (id),
    mobile        BLOB,                         -- keyed hash
    sealed_mobile BLOB,
    email         BLOB,                         -- keyed hash
    sealed_email  BLOB,
    name          TEXT,
    password      TEXT,                         -- a hash, as a PHC string
    enabled       INTEGER NOT NULL,
    generation    INTEGER NOT NULL,             -- what let the user in under another counts no more
    created_at    INTEGER NOT NULL,
    UNIQUE (app, mobile),
    UNIQUE (app, email),
    UNIQUE (app, name)
) STRICT;

CREATE TABLE session (
    id         BLOB    NOT NULL PRIMARY KEY, -- 16 bytes
    key        BLOB    NOT NULL UNIQUE,      -- hash of the token
    user       BLOB    NOT NULL REFERENCES user (id),
    generation INTEGER NOT NULL,
    device     TEXT    NOT NULL,             -- what it calls itself
    proof      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;

CREATE INDEX session_user ON session (user);
CREATE INDEX session_expires ON session (expires_at);
