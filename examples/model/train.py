"""Trains two models on what `orion features export` wrote, and writes each as an ONNX file with its manifest.

    python train.py train.parquet --out models [--setups mss_fvg,block_retest]

Both re-score ORION's own signals: how likely is this one to reach its first target before its stop? The last quarter of the
rows, by time, is never trained on. Between it and the training lies a gap of the horizon: what was still open when the last
quarter began is left out, since its end was not known then.
"""

import argparse
import hashlib
import pathlib

import lightgbm
import numpy as np
import onnxmltools
import onnxruntime
import pandas as pd
from onnxmltools.convert.common.data_types import FloatTensorType as LightGbmFloats
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# The columns of the export that are no features (docs/features.md).
GIVEN = ["id", "symbol", "timeframe", "setup", "source", "direction", "time", "status", "cause", "hit", "realised",
         "odds", "confidence", "resolved_at", "ended_at"]
SELF_TESTS = 12
# Fewer rows than this teach nothing.
LEAST = 60


def read(path, setups):
    rows = pd.read_parquet(path)
    rows = rows[rows["hit"].notna()].sort_values("time")
    if setups:
        rows = rows[rows["setup"].isin(setups)]
    features = [name for name in rows.columns if name not in GIVEN]
    # ORION asks nothing with a number that is not known: such rows are no use. A feature that is hardly ever known is none.
    features = [name for name in features if rows[name].notna().mean() > 0.9]
    rows = rows.dropna(subset=features)
    if len(rows) < LEAST:
        raise SystemExit(f"{path}: {len(rows)} signals with a known end and all features, and it takes {LEAST}: export a longer time")
    return rows, features


def split(rows):
    """The first three quarters of the time, as far as their ends were known when the last one began."""
    begin = rows["time"].iloc[len(rows) * 3 // 4]
    train = rows[rows["resolved_at"] < begin]
    test = rows[rows["time"] >= begin]
    return train, test


def score(name, likely, rows):
    """Out of sample: Brier's score beside that of the base rate, and of the odds of chance."""
    hit = rows["hit"].astype(float).to_numpy()
    brier = np.mean((likely - hit) ** 2)
    base = np.mean((hit.mean() - hit) ** 2)
    odds = rows["odds"].to_numpy(dtype=float)
    known = ~np.isnan(odds)
    chance = np.mean((odds[known] - hit[known]) ** 2)
    print(f"{name}: {len(hit)} signals out of sample, Brier {brier:.4f}, base rate {base:.4f}, odds of chance {chance:.4f}, "
          f"skill {1 - brier / base:+.3f}")


def gradient_boosting(x, y):
    leaves = max(5, min(50, len(x) // 40))
    model = lightgbm.LGBMClassifier(n_estimators=60, num_leaves=7, learning_rate=0.05, min_child_samples=leaves, verbose=-1, seed=1)
    model.fit(x, y)
    kinds = [("features", LightGbmFloats([1, x.shape[1]]))]
    return onnxmltools.convert_lightgbm(model, initial_types=kinds, zipmap=False, target_opset=15)


def network(x, y):
    # Scaling becomes a part of the graph.
    model = make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(16,), alpha=0.5, max_iter=400, random_state=1))
    model.fit(x, y)
    kinds = [("features", FloatTensorType([1, x.shape[1]]))]
    return to_onnx(model, initial_types=kinds, options={"zipmap": False}, target_opset=15)


def write(folder, name, graph, features, rows, train, arguments):
    content = graph.SerializeToString()
    session = onnxruntime.InferenceSession(content)
    source = session.get_inputs()[0].name

    def ask(row):
        return session.run(["probabilities"], {source: row[None, :]})[0].reshape(-1)[1]

    x = rows[features].to_numpy(dtype=np.float32)
    score(name, np.array([ask(row) for row in x]), rows)
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    quoted = ", ".join(f'"{feature}"' for feature in features)
    symbols = ", ".join(f'"{symbol}"' for symbol in sorted(train["symbol"].unique()))
    until = train["resolved_at"].max()
    lines = [
        f'name = "{name}"',
        f'version = "{until:%Y-%m-%d}"',
        'file = "model.onnx"',
        f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
        'role = "rescore"',
        *([f"setups = {arguments.setups}".replace("'", '"')] if arguments.setups else []),
        f'input = "{source}"',
        f"features = [{quoted}]",
        'dtype = "f32"',
        f"shape = [1, {len(features)}]",
        'output = "probabilities"',
        "output_index = 1",
        'kind = "probability"',
        f"symbols = [{symbols}]",
        f'timeframe = "{train["timeframe"].iloc[0]}"',
        f"trained_until = {until:%Y-%m-%dT%H:%M:%SZ}",
        f'horizon = "{arguments.horizon}"',
    ]
    for row in x[:: max(1, len(x) // SELF_TESTS)][:SELF_TESTS]:
        numbers = ", ".join(repr(float(value)) for value in row)
        lines += ["", "[[selftest]]", f"x = [{numbers}]", f"y = {float(ask(row))!r}"]
    (folder / "model.toml").write_text("\n".join(lines) + "\n")
    print(f"{name}: {folder / 'model.toml'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=pathlib.Path, help="what orion features export wrote, a row for each signal")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("models"))
    parser.add_argument("--horizon", default="8h", help="rules.outcome_horizon_h of the export: how far its outcomes look ahead")
    parser.add_argument("--setups", type=lambda text: text.split(","), default=[], help="only these, separated by commas")
    arguments = parser.parse_args()
    rows, features = read(arguments.rows, arguments.setups)
    train, test = split(rows)
    x, y = train[features].to_numpy(dtype=np.float32), train["hit"].astype(int).to_numpy()
    if len(train) < LEAST // 2 or len(test) < SELF_TESTS or len(np.unique(y)) < 2:
        raise SystemExit(f"{arguments.rows}: {len(train)} rows to train on and {len(test)} to test on are too few: export a longer time")
    print(f"{len(train)} signals to train on, {len(test)} out of sample, {len(features)} features")
    for name, make in [("boosting", gradient_boosting), ("network", network)]:
        write(arguments.out, name, make(x, y), features, test, train, arguments)


main()
