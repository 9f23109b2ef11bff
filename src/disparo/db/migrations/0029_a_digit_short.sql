-- `(11) 98888-777`, a mobile that lacks its last digit, was read as an old one, and given its ninth: a stranger's. Read anew by
-- the rule that knows them, and a few beside them: what the pattern finds too much is read as before.
UPDATE customers SET sms_numbers = NULL, no_sms = NULL
WHERE concat_ws(';', phone_1, phone_2, phone_3) ~ '[^0-9]9[0-9]{4}[^0-9;,|/][0-9]{3}([^0-9]|$)';
UPDATE contacts SET sms_numbers = NULL, no_sms = NULL
WHERE phone ~ '[^0-9]9[0-9]{4}[^0-9;,|/][0-9]{3}([^0-9]|$)';
