-- What a vendor's widget calls an app: a number in its pages, and a secret of its server. Part of the directory.

CREATE TABLE captcha_app (
    number        INTEGER NOT NULL PRIMARY KEY,
    app           TEXT    NOT NULL UNIQUE REFERENCES app (id),
    sealed_secret BLOB    NOT NULL, -- under the master key, bound to the app
    created_at    INTEGER NOT NULL
) STRICT;
