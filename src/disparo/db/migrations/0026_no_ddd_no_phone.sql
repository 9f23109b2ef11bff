-- `1198887776.0` was read with its 0, `+55 98888-7777` as area code 55: strangers' numbers. Read anew by the rule that knows
-- them, and a few beside them: what the pattern finds too much is read as before.
CREATE FUNCTION pg_temp.is_suspect(field text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN
    field ~ '[0-9]{10}[.]0' OR field ~ '(\+|00)[^0-9;,|/]*5[^0-9;,|/]*5[^0-9;,|/]*([0-9][^0-9;,|/]*){8,9}([;,|/]|$)';

-- So are those that were no phone: labels between separators and more labels are known now.
UPDATE customers SET sms_numbers = NULL, no_sms = NULL
WHERE EXISTS (SELECT FROM unnest(no_sms) AS said WHERE said LIKE 'invalid:%') OR pg_temp.is_suspect(phone_1) OR pg_temp.is_suspect(phone_2) OR pg_temp.is_suspect(phone_3);
UPDATE contacts SET sms_numbers = NULL, no_sms = NULL
WHERE EXISTS (SELECT FROM unnest(no_sms) AS said WHERE said LIKE 'invalid:%') OR pg_temp.is_suspect(phone);

DROP FUNCTION pg_temp.is_suspect(text);
