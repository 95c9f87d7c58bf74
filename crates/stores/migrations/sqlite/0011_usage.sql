-- Who used what: calls, which are forgotten after weeks, and how many there were, which stays.

CREATE TABLE usage (
    sequence      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    app           TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    door          TEXT    NOT NULL,
    step          TEXT    NOT NULL,
    business      INTEGER NOT NULL, -- -1 where the app does not say
    scene         INTEGER NOT NULL, -- the same
    account_type  TEXT    NOT NULL,
    account       BLOB,             -- keyed hash
    registered_at INTEGER,
    sealed_person BLOB    NOT NULL
) STRICT;

CREATE INDEX usage_app ON usage (app);
-- All that tells whether an account came before on its day, in its group: the row itself is not looked at.
CREATE INDEX usage_account ON usage (app, account, business, scene, account_type, at) WHERE account IS NOT NULL;

CREATE TABLE usage_count (
    app          TEXT    NOT NULL,
    day          INTEGER NOT NULL, -- since 1970-01-01
    business     INTEGER NOT NULL, -- -1 where the app does not say, or says too much
    scene        INTEGER NOT NULL,
    account_type TEXT    NOT NULL,
    asked        INTEGER NOT NULL,
    loaded       INTEGER NOT NULL,
    solved       INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    passed       INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    accounts     INTEGER NOT NULL,
    newcomers    INTEGER NOT NULL,
    PRIMARY KEY (app, day, business, scene, account_type)
) STRICT, WITHOUT ROWID;
