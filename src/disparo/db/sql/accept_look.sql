-- What accepting needs beside the facts, in one row: the transaction's time, a fresh chunk, who opted out.
-- $1 E.164 numbers.
SELECT now() AS now, nextval('chunks_id_seq') AS chunk_id,
       ARRAY(SELECT e164 FROM opt_outs WHERE e164 = ANY($1::text[])) AS opted_out
