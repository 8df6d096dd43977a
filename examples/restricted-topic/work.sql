BEGIN;
INSERT INTO customer VALUES (1, 'Ann', 'Basel', '756.1234.5678.97', 90000.00);
UPDATE customer SET income = 95000.00 WHERE id = 1;
DELETE FROM customer WHERE id = 1;
COMMIT;
