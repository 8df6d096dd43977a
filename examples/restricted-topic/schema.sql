CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, city text, ssn text, income numeric(12,2));
