-- Who is signed in with this token; no row where the session has run out or the user was shut out.
-- One that was last seen in a time to come is where the clock was set back since: by more, and it would last as long.
-- $1 digest of the token, $2 seconds a session may be idle, $3 seconds it may last.
SELECT s.user_id, u.email, u.name, u.permissions, s.notice, s.seen_at < now() - interval '1 minute' AS is_stale
FROM panel_sessions s JOIN users u ON u.id = s.user_id AND u.active
WHERE s.token_sha256 = $1
  AND s.seen_at > now() - make_interval(secs => $2::float8)
  AND s.seen_at < now() + make_interval(secs => $2::float8)
  AND s.created_at > now() - make_interval(secs => $3::float8)
