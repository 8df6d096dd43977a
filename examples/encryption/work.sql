INSERT INTO patient VALUES (1, 'Ann', '756.1234.5678.97', 'fracture', '2024-02-29');
