"""The searchable data of a person: a row of texts and sets, a row of values that change with every login, and
leaves."""
