BEGIN;
INSERT INTO payment VALUES (1, 'a', 12.50, 'CHF'), (2, 'b', 7.00, 'CHF'), (3, 'a', 0.50, 'CHF');
UPDATE payment SET amount = 13.00 WHERE id = 1;
COMMIT;
