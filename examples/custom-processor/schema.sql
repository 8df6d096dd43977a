CREATE TABLE payment (id int PRIMARY KEY, till text, amount numeric(10,2), currency text);
