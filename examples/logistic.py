"""A logistic regression that one party has, on the features that two others have: joint inference.

    python examples/logistic.py

The lender learns a probability for each applicant; bank and bureau learn nothing, and no one learns its weights.
`mpcnet demo --model logistic` is the same on real data, with files, checks and a report.
"""

from __future__ import annotations

import numpy as np

import mpcnet
from mpcnet import array as xp

COUNT = 8
FEATURES = {"bank": 3, "bureau": 2}  # how many each has, in this order


async def main(session: mpcnet.Session, mine: list[float] | list[list[float]]) -> list[float] | None:
    """What one party does.

    Args:
        mine: at the lender the intercept and the weights; at the others standardised features, a row an applicant.
    """
    sh = session.shamir(threshold=1)
    number = sh.fixed(16, n_bits=32)

    def given(owner: str, shape: tuple[int, ...]) -> mpcnet.SecretArray:
        return sh.input(np.array(mine) if owner == session.name else None, owner=owner, shape=shape, dtype=number)

    x = xp.concat([given(owner, (COUNT, width)) for owner, width in FEATURES.items()], axis=1)
    weights = given("lender", (1 + sum(FEATURES.values()),))
    probability = xp.sigmoid(x @ weights[1:] + weights[0])
    seen = await probability.reveal(to="lender")  # None at the other two
    return None if seen is None else seen.tolist()


if __name__ == "__main__":
    import mpcnet.local

    rng = np.random.default_rng(3)
    weights = rng.normal(0, 1, 6)
    columns = {owner: rng.normal(0, 1, (COUNT, width)) for owner, width in FEATURES.items()}
    each = {"lender": {"mine": weights.tolist()}} | {owner: {"mine": x.tolist()} for owner, x in columns.items()}
    lender, bank, bureau = mpcnet.local.run(main, names=["lender", "bank", "bureau"], each=each, check=True)

    clear = 1 / (1 + np.exp(-(np.hstack(list(columns.values())) @ weights[1:] + weights[0])))
    assert bank.value is None
    assert bureau.value is None
    assert np.abs(np.array(lender.value) - clear).max() < 2**-10
    for joint, alone in zip(lender.value, clear, strict=True):
        print(f"{joint:.4f}, in the clear {alone:.4f}")
