-- Who owns what, in each app's directory, and where it is attached with its owner's consent.

CREATE TABLE owner (
    app            TEXT    NOT NULL REFERENCES app (id),
    id             INTEGER NOT NULL, -- the account's number
    name           TEXT    NOT NULL,
    is_own         INTEGER NOT NULL, -- the app's own account
    contact        BLOB    NOT NULL, -- keyed hash
    sealed_contact BLOB    NOT NULL,
    language       TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (app, id)
) STRICT;

CREATE UNIQUE INDEX owner_own ON owner (app) WHERE is_own;

CREATE TABLE resource (
    app        TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    account    INTEGER NOT NULL,
    networks   TEXT    NOT NULL, -- separated by spaces
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app, id),
    FOREIGN KEY (app, account) REFERENCES owner (app, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX resource_account ON resource (app, account);

CREATE TABLE office_site (
    app        TEXT    NOT NULL REFERENCES app (id),
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    network    TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app, id)
) STRICT;

-- One resource a site.
CREATE TABLE attachment (
    app      TEXT    NOT NULL,
    site     TEXT    NOT NULL,
    resource TEXT    NOT NULL,
    account  INTEGER NOT NULL, -- who owned it then
    code     BLOB,             -- with which the owner agreed; codes are forgotten earlier than this
    since    INTEGER NOT NULL,
    PRIMARY KEY (app, site),
    FOREIGN KEY (app, site) REFERENCES office_site (app, id),
    FOREIGN KEY (app, resource) REFERENCES resource (app, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX attachment_resource ON attachment (app, resource);

-- The account whose consent a code asks for: it ends when that account, its contact or what it owns changes.
ALTER TABLE code ADD COLUMN consent INTEGER;
CREATE INDEX code_consent ON code (app, consent) WHERE consent IS NOT NULL;

-- Who asked for a code, where its message says so; else empty.
ALTER TABLE code ADD COLUMN requester TEXT NOT NULL DEFAULT '';
