CREATE TABLE "order" (id int PRIMARY KEY, customer text NOT NULL, total numeric(10,2), placed timestamptz);
