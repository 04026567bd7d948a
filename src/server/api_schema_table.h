/* The tables behind api_schema.h. */
#ifndef UD_SERVER_API_SCHEMA_TABLE_H
#define UD_SERVER_API_SCHEMA_TABLE_H

/*
 * A schema by its name, in a short form: members "name:type" with blanks between them, '~' before a name that may be
 * missing; or '*' and one type: an object with any names. Types:
 *   s text, i integer, n number, b boolean, t time (ms since 1970), h hex, any; =a|b|c one of these words;
 *   @Name another schema; [type] an array; {type} an object with any names; '?' behind it: or null
 */
struct ud_schema_row {
    const char *name; /* NULL ends the table */
    const char *text;
};
extern const struct ud_schema_row ud_schema_rows[];

/*
 * An operation. `request`: the name of a schema, "some Name": one or an array of them. `answers`: "200 Name",
 * "200 list Name" (content, total, size), "200 many Name" (an array), "200 media/type", "204", with "; " between several.
 * A path that begins with '*' stands for all that end so.
 */
struct ud_schema_operation {
    const char *method; /* NULL ends the table */
    const char *path;
    const char *request;
    const char *answers;
};
extern const struct ud_schema_operation ud_schema_operations[];

#endif
