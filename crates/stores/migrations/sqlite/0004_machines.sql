-- Groups, install codes, agents, and the accounts of what is counted for the whole installation.

CREATE TABLE machine_group (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app        TEXT    NOT NULL REFERENCES app (id),
    name       TEXT    NOT NULL,
    is_default INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (app, name)
) STRICT;

CREATE UNIQUE INDEX machine_group_default ON machine_group (app) WHERE is_default = 1;

CREATE TABLE install_code (
    id            TEXT    NOT NULL PRIMARY KEY,
    app           TEXT    NOT NULL REFERENCES app (id),
    lookup        BLOB    NOT NULL UNIQUE, -- keyed hash of the text
    sealed        BLOB    NOT NULL,        -- the text of a short code; empty for a long one
    form          TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    deadline      INTEGER NOT NULL,
    group_id      INTEGER NOT NULL REFERENCES machine_group (id),
    os            TEXT,
    networks      TEXT    NOT NULL,        -- separated by spaces; empty for anywhere
    max_uses      INTEGER,
    only_image    INTEGER NOT NULL,
    vendor        TEXT    NOT NULL,
    proxy_cluster TEXT,
    private_link  INTEGER,
    uses          INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    revoked_at    INTEGER
) STRICT;

-- Every guess counts the short codes that could be told apart from none.
CREATE INDEX install_code_deadline ON install_code (form, deadline, revoked_at);
CREATE INDEX install_code_app ON install_code (app, created_at);
CREATE INDEX install_code_group ON install_code (group_id);

CREATE TABLE agent (
    sequence     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, -- the order of joining
    id           BLOB    NOT NULL UNIQUE,
    app          TEXT    NOT NULL REFERENCES app (id),
    group_id     INTEGER NOT NULL REFERENCES machine_group (id),
    code         TEXT    NOT NULL REFERENCES install_code (id),
    hostname     TEXT    NOT NULL,
    os           TEXT    NOT NULL,
    architecture TEXT    NOT NULL,
    machine_id   TEXT    NOT NULL,
    certificate  TEXT    NOT NULL,
    serial       BLOB    NOT NULL,
    previous     BLOB,             -- the serial before: its answer may have been lost
    request      BLOB    NOT NULL, -- SHA-256 of the signing request
    joined_with  BLOB    NOT NULL, -- that of the first, by which a repeated attempt to join is known
    issued_at    INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    address      TEXT    NOT NULL,
    joined_at    INTEGER NOT NULL,
    seen_at      INTEGER,
    ended_at     INTEGER,
    ended        TEXT
) STRICT;

CREATE INDEX agent_app ON agent (app, sequence);
CREATE INDEX agent_code ON agent (code, sequence);
CREATE INDEX agent_joined_with ON agent (code, joined_with);
CREATE INDEX agent_group ON agent (group_id);

CREATE TABLE account (
    name       TEXT    NOT NULL PRIMARY KEY,
    empty_at   INTEGER NOT NULL,
    alarmed_at INTEGER
) STRICT;
