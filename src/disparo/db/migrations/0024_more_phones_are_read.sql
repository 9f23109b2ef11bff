-- Phones that were no phone (labels, `0xx`, +55 and 0, dashes of other kinds) are read anew, by the rule that knows them.
UPDATE customers SET sms_numbers = NULL, no_sms = NULL
WHERE EXISTS (SELECT FROM unnest(no_sms) AS said WHERE said LIKE 'invalid:%');
UPDATE contacts SET sms_numbers = NULL, no_sms = NULL
WHERE EXISTS (SELECT FROM unnest(no_sms) AS said WHERE said LIKE 'invalid:%');
