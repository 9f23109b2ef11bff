-- A trigger holds the rows before a statement against those after it. How, PostgreSQL decides at the first
-- statement of a connection and keeps: after one that changed a single row it compares each with each, and a
-- statement that changes 500 then takes 250,000 comparisons. With nested loops out of the way it sorts or hashes.
ALTER FUNCTION messages_updated() SET enable_nestloop = off;
ALTER FUNCTION customers_counted() SET enable_nestloop = off;
ALTER FUNCTION invoices_counted() SET enable_nestloop = off;
