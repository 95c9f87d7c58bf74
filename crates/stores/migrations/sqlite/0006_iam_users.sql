-- Users that sign in with a password, for programs that cannot sign their calls.

CREATE TABLE iam_user (
    id          BLOB    NOT NULL PRIMARY KEY, -- 16 bytes
    app         TEXT    NOT NULL REFERENCES app (id),
    domain      TEXT    NOT NULL, -- what the app is called when its users sign in; no two apps share one
    name        TEXT    NOT NULL,
    password    TEXT    NOT NULL, -- a hash, as a PHC string
    permissions TEXT    NOT NULL, -- as an access key's
    enabled     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (domain, name)
) STRICT;
