-- What was found of a change is read as it was found: json keeps the order of fields.
alter table change_request alter column examined type json using examined::json;
