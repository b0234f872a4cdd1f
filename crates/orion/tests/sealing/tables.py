"""Prints what pandas, polars and DuckDB read in the three forms of a table: each cell as an exact number, a time in nanoseconds, a
text, or nothing.

Called with the names of a Parquet file, a CSV file and a file of JSON lines."""

import datetime
import json
import math
import sys
from decimal import Decimal

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet

parquet, csv, lines = sys.argv[1:]
SCHEMA = pyarrow.parquet.read_schema(parquet)
NAMES = SCHEMA.names
# What is JSON in JSON is a text elsewhere.
NESTED = ["conditions"]


def kind(name):
    type = SCHEMA.field(name).type
    if pyarrow.types.is_timestamp(type):
        return "time"
    if pyarrow.types.is_decimal(type) or pyarrow.types.is_integer(type):
        return "number"
    return "flag" if pyarrow.types.is_boolean(type) else "nested" if name in NESTED else "text"


KINDS = [kind(name) for name in NAMES]


def nanoseconds(value):
    if isinstance(value, str):
        assert len(value) == len("2026-11-28T00:00:00.000000000Z") and value.endswith("Z"), value
        second = datetime.datetime.fromisoformat(value[:19] + "+00:00")
        return int(second.timestamp()) * 10**9 + int(value[20:29])
    return int(value)


def cell(kind, value):
    if value is None or value is pandas.NaT or value is pandas.NA or value == "":
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    if kind == "time":
        return nanoseconds(value)
    if kind == "number":
        # The shortest text that a binary number is read from again: with noise in it, it would not be what was written.
        number = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(str(value))
        return format(number.normalize(), "f")
    if kind == "flag":
        return str(value).lower()
    if kind == "nested":
        value = json.loads(value) if isinstance(value, str) else value
        return json.dumps(value, sort_keys=True)
    return str(value)


def rows(columns):
    return [[cell(*pair) for pair in zip(KINDS, row)] for row in zip(*columns)]


def by_pandas():
    table = pandas.read_parquet(parquet)
    for name in NAMES:
        if kind(name) == "time":
            whole = table[name].astype("datetime64[ns, UTC]")
            exact = [None if pandas.isna(time) else time.value for time in whole]
            table[name] = pandas.Series(exact, dtype=object)
    texts = pandas.read_csv(csv, dtype=str, keep_default_na=False)
    objects = pandas.read_json(lines, lines=True, dtype=False, precise_float=True)
    assert list(texts.columns) == NAMES and list(objects.columns) == NAMES
    return [rows([table[name] for name in NAMES]) for table in (table, texts, objects)]


def by_polars():
    table = polars.read_parquet(parquet)
    for name in NAMES:
        if kind(name) == "time":
            exact = polars.col(name).cast(polars.Datetime("ns", "UTC")).to_physical()
            table = table.with_columns(exact)
    texts = polars.read_csv(csv, infer_schema=False)
    objects = polars.read_ndjson(lines, infer_schema_length=None)
    return [
        rows([table[name].to_list() for name in NAMES]) for table in (table, texts, objects)
    ]


def by_duckdb():
    exact = [f'epoch_ns("{name}")' if kind(name) == "time" else f'"{name}"' for name in NAMES]
    as_text = [f'"{name}"::VARCHAR' for name in NAMES]
    types = {
        "time": "VARCHAR",
        "number": "DECIMAL(38,9)",
        "flag": "BOOLEAN",
        "nested": "JSON",
        "text": "VARCHAR",
    }
    columns = {name: types[kind(name)] for name in NAMES}
    table = duckdb.execute(f"select {', '.join(exact)} from read_parquet(?)", [parquet]).fetchall()
    select = f"select {', '.join(as_text)} from read_csv(?, all_varchar = true, header = true)"
    texts = duckdb.execute(select, [csv]).fetchall()
    names = ", ".join(f'"{name}"' for name in NAMES)
    select = f"select {names} from read_json(?, columns = {columns}, format = 'newline_delimited')"
    objects = duckdb.execute(select, [lines]).fetchall()
    return [[[cell(*pair) for pair in zip(KINDS, row)] for row in table] for table in (table, texts, objects)]


READ = {"pandas": by_pandas(), "polars": by_polars(), "duckdb": by_duckdb()}
FORMS = ["parquet", "csv", "json"]
json.dump({reader: dict(zip(FORMS, tables)) for reader, tables in READ.items()}, sys.stdout)
