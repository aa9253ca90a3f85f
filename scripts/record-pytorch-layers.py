"""Record what PyTorch's recurrent layers compute, stacked, in both directions, packed: the reference of our tests.

Run with any Python 3 that has torch (recorded with 1.13, the version of Debian 12's python3-torch):

    python3 scripts/record-pytorch-layers.py > test/fixtures/pytorch-layers.json

Each case is one torch.nn module with random weights, random biases and random initial states, over one batch of random
sequences; where it has `lengths`, they go in by pack_padded_sequence and come out by pad_packed_sequence. The loss is the
sum of all outputs times random weights, or that of all final states. Everything is computed in float64; what the tests
start from is rounded to three decimals first, the rest written with 9 significant digits.

Names are ours: "layer1.backward.W_f" is a matrix of the second layer's way from the end to the start, "layer1.backward.h"
its state. `named` turns PyTorch's blocks of gates, and its two biases, into ours; nothing else has to know about them.
"""
import json
import sys
from importlib import import_module

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

numbers = import_module("record-pytorch").numbers

D, H, T, B = 3, 4, 5, 3
PROJECTED = 3

# Name: torch's module with the options that make it ours; our names for the blocks of its matrix of the input, of its
# recurrent matrix and of its biases, the gates in torch's order; our states in torch's.
GATES = {
    "simple-rnn": (torch.nn.RNN, {}, ["W"], ["U"], ["b"], ["h"]),
    "lstm": (
        torch.nn.LSTM,
        {},
        ["W_i", "W_f", "W_g", "W_o"],
        ["U_i", "U_f", "U_g", "U_o"],
        ["b_i", "b_f", "b_g", "b_o"],
        ["h", "c"],
    ),
    "gru-reset-after": (torch.nn.GRU, {}, ["W_r", "W_z", "W_g"], ["U_r", "U_z", "U_g"], ["b_r", "b_z", "b_g"], ["h"]),
    # Ours has twice as many cells as outputs, and peepholes besides, which stay zero.
    "projection-lstm": (
        torch.nn.LSTM,
        {"hidden_size": 2 * PROJECTED, "proj_size": PROJECTED},
        ["W_ix", "W_fx", "W_cx", "W_ox"],
        ["W_ir", "W_fr", "W_cr", "W_or"],
        ["b_i", "b_f", "b_c", "b_o"],
        ["r", "c"],
    ),
}

SORTED, UNSORTED = [5, 3, 2], [2, 5, 4]
# Cell, layers, directions, lengths where there are some, what the loss is made of.
CASES = [
    ("lstm", 1, 2, None, "outputs"),
    ("gru-reset-after", 1, 2, None, "outputs"),
    ("lstm", 2, 1, None, "outputs"),
    ("gru-reset-after", 2, 1, None, "outputs"),
    ("simple-rnn", 2, 1, None, "outputs"),
    ("lstm", 3, 1, None, "states"),
    ("gru-reset-after", 3, 1, None, "states"),
    ("simple-rnn", 3, 1, None, "states"),
    ("lstm", 2, 2, None, "outputs"),
    ("gru-reset-after", 2, 2, None, "states"),
    ("simple-rnn", 2, 2, None, "outputs"),
    ("projection-lstm", 1, 1, None, "outputs"),
    ("projection-lstm", 2, 2, None, "states"),
    ("lstm", 1, 1, SORTED, "outputs"),
    ("lstm", 2, 1, UNSORTED, "states"),
    ("lstm", 2, 2, UNSORTED, "outputs"),
    ("gru-reset-after", 1, 2, SORTED, "states"),
    ("gru-reset-after", 2, 2, UNSORTED, "outputs"),
    ("simple-rnn", 1, 2, UNSORTED, "outputs"),
    ("projection-lstm", 1, 2, UNSORTED, "states"),
]


def random(*shape):
    return (torch.randn(shape) * 0.5 * 1000).round() / 1000


def named(cell, module, tensor_of):
    """`tensor_of` every parameter of a module, in blocks of one gate, under our names; torch's second bias is "d"."""
    _, _, inputs, recurrents, biases, _ = GATES[cell]
    blocks = {}
    for layer in range(module.num_layers):
        for direction in range(2 if module.bidirectional else 1):
            end = f"_l{layer}{'_reverse' * direction}"
            fields = {"weight_ih": inputs, "weight_hh": recurrents, "bias_ih": biases}
            fields["bias_hh"] = [name.replace("b", "d") for name in biases]
            for field, names in fields.items():
                for name, block in zip(names, tensor_of(getattr(module, field + end)).chunk(len(names))):
                    blocks[place(module, layer, direction) + name] = block
            if module.proj_size > 0:
                blocks[place(module, layer, direction) + "W_rm"] = tensor_of(getattr(module, "weight_hr" + end))
    return blocks


def place(module, layer, direction):
    return f"layer{layer}." + (["forward.", "backward."][direction] if module.bidirectional else "")


def one_bias(blocks, merge):
    """For a cell with one bias a gate, the two of torch's merged into it."""
    merged = dict(blocks)
    for name in [name for name in blocks if name.rsplit(".", 1)[1].startswith("d")]:
        start, letter = name.rsplit(".", 1)
        first = f"{start}.b{letter[1:]}"
        merged[first] = merge(blocks[first], merged.pop(name))
    return merged


def same(a, b):
    assert torch.allclose(a, b, rtol=0, atol=1e-13), "both biases should have one gradient"
    return a


def record(cell, layers, directions, lengths, loss_of):
    kind, options, _, _, _, letters = GATES[cell]
    sizes = {"input_size": D, "hidden_size": H, "num_layers": layers, "bidirectional": directions == 2, **options}
    module = kind(**sizes)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(random(*parameter.shape))
    x = random(T, B, D).requires_grad_()
    widths = {"h": module.proj_size or module.hidden_size, "r": module.proj_size, "c": module.hidden_size}
    start = [random(layers * directions, B, widths[letter]).requires_grad_() for letter in letters]
    given = tuple(start) if len(start) > 1 else start[0]
    if lengths is None:
        outputs, final = module(x, given)
    else:
        is_sorted = lengths == sorted(lengths, reverse=True)
        packed, final = module(pack_padded_sequence(x, lengths, enforce_sorted=is_sorted), given)
        outputs, back = pad_packed_sequence(packed, total_length=T)
        assert back.tolist() == lengths and (outputs[lengths[0]:, 0] == 0).all()
    final = final if isinstance(final, tuple) else (final,)

    def states(values):
        return {
            place(module, k // directions, k % directions) + letter: value[k]
            for letter, value in zip(letters, values)
            for k in range(layers * directions)
        }

    ends = {"output": outputs} if loss_of == "outputs" else states(final)
    weights = {name: random(*value.shape) for name, value in ends.items()}
    sum((weights[name] * value).sum() for name, value in ends.items()).backward()

    parameters, gradients = named(cell, module, lambda p: p), named(cell, module, lambda p: p.grad)
    if cell != "gru-reset-after":
        parameters, gradients = one_bias(parameters, torch.add), one_bias(gradients, same)
    assert all((value != 0).any() for value in gradients.values())
    return {
        "cell": cell,
        "layers": layers,
        "bidirectional": module.bidirectional,
        "units": widths[letters[0]],
        "lengths": lengths,
        "loss": loss_of,
        **numbers({"x": x, "outputs": outputs}),
        "start": numbers(states(start)),
        "weights": numbers(weights),
        "parameters": numbers(parameters),
        "states": numbers(states(final)),
        "gradients": {
            **numbers({"x": x.grad}),
            "parameters": numbers(gradients),
            "start": numbers(states([value.grad for value in start])),
        },
    }


def main():
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(2026)
    fixture = {
        "recordedWith": f"PyTorch {torch.__version__.split('+')[0]}, float64",
        "sizes": {"input": D, "steps": T, "batch": B},
        "cases": [record(*case) for case in CASES],
    }
    json.dump(fixture, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
