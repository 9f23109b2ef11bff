-- Goes on from bulk_candidates.sql: of a slice, all but those who got the invoice by a run that was stored later and
-- left out whom this one had messages for by then (bulk_others.sql): the others were left to it. $3 dispatch.
, going AS MATERIALIZED (
    SELECT * FROM sendable s
    WHERE (SELECT true FROM messages m JOIN bulk_runs r ON r.dispatch_id = m.dispatch_id
                                       JOIN dispatches d ON d.id = m.dispatch_id
           WHERE m.invoice_id = s.id AND m.e164 = s.e164 AND r.only_others
             AND m.status NOT IN ('undelivered', 'failed', 'skipped', 'cancelled')
             AND d.created_at > (SELECT created_at FROM dispatches WHERE id = $3)
           LIMIT 1) IS NULL
), repeated AS (
    SELECT (SELECT count(*) FROM sendable) - (SELECT count(*) FROM going) AS count
)
