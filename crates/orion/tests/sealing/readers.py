"""Prints what pandas, polars and DuckDB read in a sealed day: times in nanoseconds, prices as their decimals."""

import json
import sys

import duckdb
import pandas
import polars

path = sys.argv[1]


def text(value):
    return None if value is None or value != value else str(value)


def by_pandas():
    table = pandas.read_parquet(path)
    times = table["time"].astype("datetime64[ns, UTC]").astype("int64") + table["time_ns"]
    stamps = table["stamp"].astype("datetime64[ns, UTC]").astype("int64")
    rows = zip(times, table["bid"], table["ask"], stamps, table["source"], table["volume"])
    return [[int(t), str(b), str(a), int(s), text(n), text(v)] for t, b, a, s, n, v in rows]


def by_polars():
    table = polars.read_parquet(path)
    times = table["time"].cast(polars.Datetime("ns", "UTC")).to_physical() + table["time_ns"]
    stamps = table["stamp"].cast(polars.Datetime("ns", "UTC")).to_physical()
    rows = zip(times, table["bid"], table["ask"], stamps, table["source"], table["volume"])
    return [[t, str(b), str(a), s, n, text(v)] for t, b, a, s, n, v in rows]


def by_duckdb():
    wanted = "epoch_ns(time) + time_ns, bid, ask, epoch_ns(stamp), source, volume"
    rows = duckdb.execute(f"select {wanted} from read_parquet(?)", [path]).fetchall()
    return [[t, str(b), str(a), s, n, text(v)] for t, b, a, s, n, v in rows]


json.dump({"pandas": by_pandas(), "polars": by_polars(), "duckdb": by_duckdb()}, sys.stdout)
