-- Whose token this is and what user and client may do; no row where it is not alive any more.
-- $1 jti.
SELECT t.client_id, t.user_id, u.permissions, c.error_codes, c.purpose, c.repeat_window_s, c.rate_per_s,
       c.rate_burst, c.extra_phones_per_day, t.expires_at
FROM access_tokens t
JOIN users u ON u.id = t.user_id AND u.active
JOIN api_clients c ON c.id = t.client_id AND c.active
WHERE t.jti = $1 AND t.revoked_at IS NULL AND t.expires_at > now()
