CREATE TABLE patient (id int PRIMARY KEY, name text, ssn text, diagnosis text, admitted date);
