-- Of an installation that bills for several companies, the invoices of one; empty where there is only one.
CREATE INDEX invoices_company ON invoices ((details -> 'company' ->> 'document'))
    WHERE details -> 'company' ->> 'document' IS NOT NULL;
