-- Whoever calls from a contact's phone is found by it, whether or not an SMS ever went there.
CREATE INDEX contacts_found ON contacts USING gin (search_phones(phone));
