-- Servers remember whose a live token is only while they are told of every change (auth/live_tokens.py).
-- Triggers tell: whoever revokes, switches off, deletes or grants, by whatever statement, cannot forget to.
CREATE FUNCTION tokens_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('disparo_tokens', 'changed');
    RETURN NULL;
END $$;
CREATE TRIGGER tokens_changed AFTER UPDATE OR DELETE OR TRUNCATE ON access_tokens
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_changed();
CREATE TRIGGER tokens_changed AFTER UPDATE OR DELETE OR TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_changed();
CREATE TRIGGER tokens_changed AFTER UPDATE OR DELETE OR TRUNCATE ON api_clients
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_changed();
