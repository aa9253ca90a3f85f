"""Record what PyTorch computes for small recurrent language models, as the reference of our tests.

Run with any Python 3 that has torch (recorded with 1.13, the version of Debian 12's python3-torch):

    python3 scripts/record-pytorch.py > test/fixtures/pytorch.json

The model, for each cell: embedding [V,E] -> cell (H units) -> dense logits [V] -> mean softmax cross-entropy over T
steps and B examples, from a zero state. Everything is computed in float64 and written with 9 significant digits:
the random parameters under our names (matrices [out, in], row-major), the hidden states of all steps, the loss, every
gradient, and ten steps of clipping to a norm of 0.25 and Adam on the same batch (the losses before each step, the
norms before clipping, the parameters after the last).

The cells are written by hand, one line a gate, because PyTorch's have two biases a gate and no GRU with the reset
before the product. Where torch.nn has the cell, the script asserts that outputs and gradients are the same.
"""
import json
import math
import sys

import torch
from torch import sigmoid, tanh
from torch.nn.functional import cross_entropy

V, E, H, T, B = 11, 6, 7, 5, 3
STEPS, LEARNING_RATE, BETAS, EPSILON, CLIP_NORM = 10, 0.01, (0.9, 0.999), 1e-7, 0.25


def simple_rnn(p, x, h):
    h = tanh(x @ p["W"].T + h[0] @ p["U"].T + p["b"])
    return (h,)


def lstm(p, x, state):
    h, c = state
    gate = lambda k: x @ p["W_" + k].T + h @ p["U_" + k].T + p["b_" + k]
    f, i, g, o = sigmoid(gate("f")), sigmoid(gate("i")), tanh(gate("g")), sigmoid(gate("o"))
    c = f * c + i * g
    return o * tanh(c), c


def gru(p, x, state):
    (h,) = state
    z = sigmoid(x @ p["W_z"].T + h @ p["U_z"].T + p["b_z"])
    r = sigmoid(x @ p["W_r"].T + h @ p["U_r"].T + p["b_r"])
    g = tanh(x @ p["W_g"].T + (r * h) @ p["U_g"].T + p["b_g"])
    return (z * h + (1 - z) * g,)


def gru_reset_after(p, x, state):
    (h,) = state
    z = sigmoid(x @ p["W_z"].T + p["b_z"] + h @ p["U_z"].T + p["d_z"])
    r = sigmoid(x @ p["W_r"].T + p["b_r"] + h @ p["U_r"].T + p["d_r"])
    g = tanh(x @ p["W_g"].T + p["b_g"] + r * (h @ p["U_g"].T + p["d_g"]))
    return (z * h + (1 - z) * g,)


# Name: the step, its gates in our order, the letters of its parameters, its number of states; then torch's module, its
# gates in torch's order, and the letters of torch's two biases where we have them.
CELLS = {
    "simple-rnn": (simple_rnn, [""], "WUb", 1, torch.nn.RNN, [""]),
    "lstm": (lstm, ["_f", "_i", "_g", "_o"], "WUb", 2, torch.nn.LSTM, ["_i", "_f", "_g", "_o"]),
    "gru": (gru, ["_z", "_r", "_g"], "WUb", 1, None, []),
    "gru-reset-after": (gru_reset_after, ["_z", "_r", "_g"], "WUbd", 1, torch.nn.GRU, ["_r", "_z", "_g"]),
}
SHAPES = {"W": [H, E], "U": [H, H], "b": [H], "d": [H]}


def random_parameters(gates, letters):
    """Parameters under our names; each embedding, matrix and bias is normal with a deviation of 0.4."""
    shapes = {"embedding.weight": [V, E]}
    for gate in gates:
        for letter in letters:
            shapes[f"cell.{letter}{gate}"] = SHAPES[letter]
    shapes["dense.W"] = [V, H]
    shapes["dense.b"] = [V]
    # Rounded, so that the fixture holds exactly the numbers that were computed with.
    return {
        name: torch.tensor(rounded((torch.randn(shape) * 0.4).tolist())).requires_grad_()
        for name, shape in shapes.items()
    }


def hidden_states(step, state_count, parameters, embedded):
    """embedded (T,B,E) -> hidden states (T,B,H)"""
    cell = {name[len("cell."):]: value for name, value in parameters.items() if name.startswith("cell.")}
    state = (torch.zeros(B, H),) * state_count
    outputs = []
    for x in embedded:
        state = step(cell, x, state)
        outputs.append(state[0])
    return torch.stack(outputs)


def loss_of(parameters, outputs, targets):
    logits = outputs @ parameters["dense.W"].T + parameters["dense.b"]
    return cross_entropy(logits.reshape(T * B, V), targets.reshape(T * B))


def check_against_torch(module, gates, parameters, outputs, tokens, targets):
    """Assert that torch.nn's cell with the same parameters has the same outputs and gradients."""
    theirs = module(E, H)
    both = lambda letter: torch.cat([parameters[f"cell.{letter}{gate}"].detach() for gate in gates])
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(both("W"))
        theirs.weight_hh_l0.copy_(both("U"))
        theirs.bias_ih_l0.copy_(both("b"))
        theirs.bias_hh_l0.copy_(both("d") if f"cell.d{gates[0]}" in parameters else torch.zeros(len(gates) * H))
    rest = {name: value.detach().clone().requires_grad_() for name, value in parameters.items() if "cell." not in name}
    their_outputs, _ = theirs(rest["embedding.weight"][tokens])
    assert torch.allclose(their_outputs, outputs, rtol=0, atol=1e-13), "outputs differ from torch.nn's"
    loss_of(rest, their_outputs, targets).backward()
    pairs = [(name, value.grad, parameters[name].grad) for name, value in rest.items()]
    fields = {"W": theirs.weight_ih_l0, "U": theirs.weight_hh_l0, "b": theirs.bias_ih_l0, "d": theirs.bias_hh_l0}
    for letter, field in fields.items():
        for gate, block in zip(gates, field.grad.chunk(len(gates))):
            if f"cell.{letter}{gate}" in parameters:
                pairs.append((letter + gate, block, parameters[f"cell.{letter}{gate}"].grad))
    for name, theirs_grad, ours_grad in pairs:
        assert torch.allclose(theirs_grad, ours_grad, rtol=0, atol=1e-13), f"gradient of {name} differs from torch.nn's"


def rounded(value):
    """Nested lists with 9 significant digits."""
    if isinstance(value, list):
        return [rounded(item) for item in value]
    assert math.isfinite(value)
    return float(f"{value:.9g}") if isinstance(value, float) else value


def numbers(tensors):
    return {name: rounded(value.detach().tolist()) for name, value in tensors.items()}


def record(name):
    step, gates, letters, state_count, module, torch_gates = CELLS[name]
    torch.manual_seed(2026)
    parameters = random_parameters(gates, letters)
    tokens, targets = torch.randint(V, (T, B)), torch.randint(V, (T, B))

    def forward():
        outputs = hidden_states(step, state_count, parameters, parameters["embedding.weight"][tokens])
        return outputs, loss_of(parameters, outputs, targets)

    start = numbers(parameters)
    outputs, loss = forward()
    loss.backward()
    if module is not None:
        check_against_torch(module, torch_gates, parameters, outputs, tokens, targets)
    gradients = numbers({key: value.grad for key, value in parameters.items()})

    optimizer = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        step_loss = forward()[1]
        step_loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP_NORM)))
        optimizer.step()
        losses.append(step_loss.item())
    assert norms[0] > CLIP_NORM, "the first step should be clipped"
    assert losses[-1] < losses[0]
    return {
        "tokens": tokens.tolist(),
        "targets": targets.tolist(),
        "parameters": start,
        "outputs": rounded(outputs.tolist()),
        "loss": rounded(loss.item()),
        "gradients": gradients,
        "losses": rounded(losses),
        "gradientNorms": rounded(norms),
        "trained": numbers(parameters),
    }


def main():
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    fixture = {
        "recordedWith": f"PyTorch {torch.__version__.split('+')[0]}, float64",
        "sizes": {"vocabulary": V, "embedding": E, "units": H, "steps": T, "batch": B},
        "optimizer": {
            "name": "adam",
            "learningRate": LEARNING_RATE,
            "beta1": BETAS[0],
            "beta2": BETAS[1],
            "epsilon": EPSILON,
            "clipNorm": CLIP_NORM,
            "steps": STEPS,
        },
        "cells": {name: record(name) for name in CELLS},
    }
    json.dump(fixture, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
