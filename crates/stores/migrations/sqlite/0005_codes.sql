-- One-time codes, the outbox of their messages, and the contacts that they verified.

CREATE TABLE code (
    sequence       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id             BLOB    NOT NULL UNIQUE,
    app            TEXT    NOT NULL REFERENCES app (id),
    purpose        TEXT    NOT NULL,
    contact        BLOB    NOT NULL, -- keyed hash
    resource       TEXT    NOT NULL, -- empty where the code is for no one thing
    channel        TEXT    NOT NULL,
    sealed_contact BLOB    NOT NULL,
    hash           BLOB    NOT NULL, -- of the digits: which key, and its MAC
    sealed_digits  BLOB,             -- gone once they are to be sent no more
    texts          TEXT    NOT NULL, -- accounts of text_count, once for each text, separated by spaces
    tries          INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    ended          TEXT
) STRICT;

CREATE INDEX code_binding ON code (app, purpose, contact, resource, sequence);
CREATE INDEX code_digits ON code (expires_at) WHERE sealed_digits IS NOT NULL;

CREATE TABLE message (
    sequence     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id           BLOB    NOT NULL UNIQUE,
    code         INTEGER NOT NULL REFERENCES code (sequence) ON DELETE CASCADE,
    channel      TEXT    NOT NULL,
    lane         TEXT    NOT NULL, -- the sender whose turn it is, or that took it
    language     TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    turn         INTEGER NOT NULL DEFAULT 0, -- tries of the present sender
    doubts       INTEGER NOT NULL DEFAULT 0, -- tries of which nobody knows
    refused      TEXT    NOT NULL DEFAULT '', -- senders that will not take it, separated by spaces
    created_at   INTEGER NOT NULL,
    due_at       INTEGER NOT NULL, -- of one that waits: its turn, or when its lease ends; else when it was settled
    leased_until INTEGER,
    expires_at   INTEGER NOT NULL, -- its code's
    gateway_id   TEXT,
    is_left      INTEGER NOT NULL DEFAULT 0, -- its gateway is silent, and nobody else could take it
    reason       TEXT
) STRICT;

CREATE INDEX message_code ON message (code);
CREATE INDEX message_lane ON message (lane, due_at) WHERE state = 'waiting';
CREATE INDEX message_late ON message (expires_at) WHERE state = 'waiting';

-- Calls that may be repeated, and what they were answered with.
CREATE TABLE repeatable (
    key        BLOB    NOT NULL PRIMARY KEY,
    asks       BLOB    NOT NULL,
    code       BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX repeatable_created ON repeatable (created_at);

CREATE TABLE verified_contact (
    sequence       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id             BLOB    NOT NULL UNIQUE,
    app            TEXT    NOT NULL REFERENCES app (id),
    customer       TEXT    NOT NULL,
    contact        BLOB    NOT NULL,
    channel        TEXT    NOT NULL,
    sealed_contact BLOB    NOT NULL,
    verified_at    INTEGER NOT NULL,
    UNIQUE (app, customer, contact)
) STRICT;

CREATE INDEX verified_contact_contact ON verified_contact (contact);

-- Accounts of codes are many, and empty after a day.
CREATE INDEX account_codes ON account (empty_at) WHERE name GLOB 'codes.*';

-- Texts by the hour in which their codes were made, and how many of them were answered: a day's decide.
CREATE TABLE text_count (
    account TEXT    NOT NULL,
    hour    INTEGER NOT NULL, -- since 1970
    sent    INTEGER NOT NULL,
    read    INTEGER NOT NULL,
    PRIMARY KEY (account, hour)
) STRICT, WITHOUT ROWID;

CREATE INDEX text_count_hour ON text_count (hour);

CREATE INDEX verified_contact_time ON verified_contact (app, verified_at);
