BEGIN;
INSERT INTO outbox VALUES ('4d47e190-0402-4048-bc2c-89dd54343cdc', 'order', '17', 'OrderPlaced', '{"id": 17, "total": 19.90}');
DELETE FROM outbox;
COMMIT;
