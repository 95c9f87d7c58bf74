-- Nonces of signed calls, written behind: what a node's memory must still know after a restart.

CREATE TABLE nonce (
    id    BLOB    NOT NULL PRIMARY KEY, -- 16 bytes: a hash of the access key's id and the nonce
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX nonce_until ON nonce (until);
