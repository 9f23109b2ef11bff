-- Where the clock was set back, what happens now lies before what is folded, and would be counted by nobody until the
-- clock has come round again. What is folded from here on is forgotten, and folded again from the events.
WITH back AS (
    UPDATE event_figures_until SET until = date_bin('5 minutes', now() - interval '90 seconds', 'epoch')
    WHERE until > now() - interval '1 minute' RETURNING until
)
DELETE FROM event_figures WHERE from_at >= (SELECT until FROM back)
