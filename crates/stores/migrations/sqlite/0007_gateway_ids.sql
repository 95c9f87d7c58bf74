-- Messages whose gateway has yet to tell of their delivery.
CREATE INDEX message_silent ON message (expires_at) WHERE state = 'sent';

-- Gateways that tell of deliveries on the sender's own connection name messages in their own words.
CREATE INDEX message_gateway ON message (gateway_id, lane) WHERE gateway_id IS NOT NULL;
