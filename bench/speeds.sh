#!/usr/bin/env bash
# Plays one recording through the whole server (engine, journal, hub, socket) as fast as possible, 60 times as fast as it
# was, and at its own pace, and compares what was decided: byte for byte, times included.
#
#   bench/speeds.sh FILE[,FILE...] [FROM [SECONDS]]
#
# At 60x all of it is played. At 1x the SECONDS [3600] after FROM (the tape's time, such as 2014-05-02T08:34; by default its
# beginning): the part before is played faster, ended, and resumed at 1x.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,9p' "$0" >&2; exit 2; }
feed="tape:$1" from="${2:-}" seconds="${3:-3600}"
cargo build --release --locked --quiet
orion=target/release/orion
work="$(mktemp -d)"
pids=()
finish() { kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT

# start NAME SPEED: serves in the background and waits until clients are let in.
start() {
  "$orion" serve --feed "$feed" --speed "$2" --listen 127.0.0.1:0 --data "$work/$1" >"$work/$1.out" 2>>"$work/$1.log" &
  pid=$!; pids+=("$pid")
  until grep -q 'open ' "$work/$1.out"; do kill -0 "$pid"; sleep 0.1; done
  address="$(sed -n 's/^ *open *//p' "$work/$1.out")"
}
stop() { kill -TERM "$1"; wait "$1" || true; }
tape_time() { curl -s "${1}health" | sed -n 's/.*"last_event":"\([^"]*\)".*/\1/p'; }
decided() { "$orion" replay --json "$work/$1"/*/; }

start max max; until grep -q 'played to its end' "$work/max.log"; do sleep 0.2; done; stop "$pid"
decided max >"$work/max.json"
echo "max: $(wc -l <"$work/max.json") events"

start sixty 60; sixty=$pid
if [ -n "$from" ]; then
  start real 600
  until [[ "$(tape_time "$address")" > "$from" ]]; do sleep 0.1; done
  stop "$pid"
fi
start real 1
echo "1x: from $(tape_time "$address") for $seconds s"
sleep "$seconds"
until="$(tape_time "$address")"; stop "$pid"
decided real >"$work/real.json"
lines="$(wc -l <"$work/real.json")"
cmp "$work/real.json" <(head -n "$lines" "$work/max.json")
echo "1x: $lines events up to $until, the same bytes"

until grep -q 'played to its end' "$work/sixty.log"; do sleep 1; done; stop "$sixty"
decided sixty | cmp - "$work/max.json"
echo "60x: all events, the same bytes"
