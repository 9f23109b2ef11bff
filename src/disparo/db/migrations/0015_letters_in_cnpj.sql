-- New CNPJs have letters in all but their two check digits.
ALTER TABLE customers
    DROP CONSTRAINT customers_cpf_cnpj_check,
    ADD CONSTRAINT customers_cpf_cnpj_check CHECK (cpf_cnpj ~ '^([0-9]{11}|[0-9A-Z]{12}[0-9]{2})$');
