-- Messages whose gateway has yet to tell of their delivery.
CREATE INDEX message_silent ON message (lane, due_at) WHERE state = 'sent' AND NOT is_left;

-- Gateways that tell of deliveries on the sender's own connection name messages in their own words: of each try another one, which
-- counts when another sender has the message, too.
CREATE TABLE gateway_id (
    lane    TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    message INTEGER NOT NULL REFERENCES message (sequence) ON DELETE CASCADE,
    attempt INTEGER NOT NULL, -- which of the message's tries
    PRIMARY KEY (lane, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX gateway_id_message ON gateway_id (message);
