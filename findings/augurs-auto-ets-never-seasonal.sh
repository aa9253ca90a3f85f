#!/bin/sh
# AutoETS of augurs takes the length of a season and a specification with a seasonal component, and fits no seasonal model: what
# it forecasts for a series with a season is flat, or a line.
#
# Versions: @bsull/augurs 0.10.2, Node 20.20.2.
# Guess: AutoETS(12, "ZZZ") is R's ets() and statsforecast's AutoETS: the documentation of the Rust crate says that Z makes it try
#   all values of a component, and that A and M are seasonal ones. So a sine of period 12, without noise, is continued.
# Seen: "ZZZ" gives the same as "ZZN", the last level for every step, an error as large as the season. "ZZA" and "MAM" say "no
#   model found", though the series is a season and nothing else. MSTL of the same package, with ETS for what the season
#   leaves, continues the sine. Who takes AutoETS as a baseline for monthly data beats it without merit: on air passengers
#   (trained to 1957, 36 months ahead) it has a MAPE of 19.9 %, MSTL 6.4 %.
# Output (largest error over the next 12 steps of 100 + 10 sin(pi t / 6), 120 steps seen):
#   @bsull/augurs 0.10.2
#   AutoETS(12, "ZZN"): 15.0
#   AutoETS(12, "ZZZ"): 15.0
#   AutoETS(12, "ZZA"): Error: no model found
#   AutoETS(12, "MAM"): Error: no model found
#   MSTL([12]): 0.0
#
# Needs Node, npm and its registry (5 MB). Nothing is installed, and the temporary folder is removed. Exit 0: as said above. 1: the
# behaviour has changed. 2: it cannot be shown here.
set -eu

cannot() { echo "It cannot be shown here: $1" >&2; exit 2; }
command -v npm >/dev/null || cannot "there is no npm."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 2' INT TERM
cd "$folder"
echo '{ "private": true }' >package.json
npm install --ignore-scripts --no-audit --no-fund @bsull/augurs@0.10.2 >log 2>&1 ||
  { cat log >&2; cannot "npm install failed."; }

cat >seasons.mjs <<'EOF_JS'
import { readFileSync } from "node:fs";
import { AutoETS, initSync as initEts } from "@bsull/augurs/ets";
import { initSync as initMstl, MSTL } from "@bsull/augurs/mstl";

const package_ = "node_modules/@bsull/augurs";
initEts({ module: readFileSync(`${package_}/ets_bg.wasm`) });
initMstl({ module: readFileSync(`${package_}/mstl_bg.wasm`) });
console.log(`@bsull/augurs ${JSON.parse(readFileSync(`${package_}/package.json`, "utf8")).version}`);

const at = (t) => 100 + 10 * Math.sin((Math.PI * t) / 6);
const seen = Array.from({ length: 120 }, (_, t) => at(t));
function largestError(make) {
  try {
    const model = make();
    model.fit(seen);
    const errors = model.predict(12).point.map((value, k) => Math.abs(value - at(120 + k)));
    return Math.max(...errors).toFixed(1);
  } catch (error) {
    return String(error);
  }
}
for (const spec of ["ZZN", "ZZZ", "ZZA", "MAM"])
  console.log(`AutoETS(12, "${spec}"): ${largestError(() => new AutoETS(12, spec))}`);
console.log(`MSTL([12]): ${largestError(() => MSTL.ets([12]))}`);
EOF_JS
seen=$(node seasons.mjs 2>log) || { cat log >&2; cannot "the program failed."; }
echo "$seen"
expected='@bsull/augurs 0.10.2
AutoETS(12, "ZZN"): 15.0
AutoETS(12, "ZZZ"): 15.0
AutoETS(12, "ZZA"): Error: no model found
AutoETS(12, "MAM"): Error: no model found
MSTL([12]): 0.0'
if [ "$seen" = "$expected" ]; then exit 0; fi
echo "The behaviour has changed." >&2
exit 1
