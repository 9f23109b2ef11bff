-- Whoever calls by a contact's name is found by any part of it, as a customer's name is, and the whole name first.
CREATE INDEX contacts_named ON contacts USING gin (search_trigrams(search_fold(name)));
CREATE INDEX contacts_called ON contacts (search_fold(name) COLLATE "C");
