-- A message begins without its text, and gets it when its hand-over starts: with half a page free, half of them
-- moved to another page then and were entered anew in six indexes (docs/decisions/0024). Pages that are there
-- stay as they are.
ALTER TABLE messages SET (fillfactor = 30);
