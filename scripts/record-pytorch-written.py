"""Run what our writer makes for PyTorch: `test/formats/pytorch/write.test.ts` compares with what comes out.

Run with any Python 3 that has torch (recorded with 1.13, the version of Debian 12's python3-torch), after the tests have
written the files:

    UPDATE_FIXTURES=1 npx vitest run --project unit test/formats/pytorch/write.test.ts
    python3 scripts/record-pytorch-written.py

Each module is run as it is written, with all weights loaded strictly, in float64. Weights are read by a few lines of our own,
as the package safetensors need not be there.
"""
import base64
import json
from pathlib import Path

import numpy
import torch

path = Path(__file__).parent.parent / "test/fixtures/pytorch-written.json"
cases = json.loads(path.read_text())


def weights_of(content):
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__")
    return {
        name: torch.from_numpy(
            numpy.frombuffer(content[8 + length :][slice(*one["data_offsets"])], "<f4").reshape(one["shape"]).copy()
        )
        for name, one in header.items()
    }


for case in cases:
    made = {}
    exec(case["module"], made)
    model = made["Model"]()
    model.load_state_dict(weights_of(base64.b64decode(case["weights"])))
    model = model.eval().double()
    x = torch.tensor(case["x"]["data"]).reshape(case["x"]["shape"])
    with torch.no_grad():
        output, states = model(x.long() if x.dim() == 2 else x.double())
    # A second call goes on where the first one ended.
    assert states.keys() <= dict(model.named_children()).keys()
    case["output"] = {"shape": list(output.shape), "data": [float(f"{v:.9g}") for v in output.flatten().tolist()]}

path.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
