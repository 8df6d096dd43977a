CREATE TABLE account (id int PRIMARY KEY, balance numeric(12,2));
CREATE TABLE transfer (id int PRIMARY KEY, sender int, receiver int, amount numeric(12,2));
