"""What papers printed, that `python -m genbook.reproduce` and the page of reproductions compare ours with.

Of each paper: who, for a terminal ("by") and for a page ("source"), what is measured ("quantity") and over what a mean
is taken ("sample"), and the head of the values on the page where no paper printed them as a table ("column"). Of each
of its rows: what it is, the published value and its standard error (None where there is none), its decimals ("our
digits": ours, where they are more), and a goal to reach, if there is one: ("<", 3.0).
"""

import math
import operator
import statistics

GOALS = {"<": operator.lt, ">": operator.gt, "≥": operator.ge, "within": lambda x, width: abs(x) <= width}

PAPERS = {
    "hinton": {
        "by": "Hinton and Salakhutdinov 2006",
        "source": "From {cite}`hinton2006`",
        "quantity": "squared error per test digit, summed over its 784 pixels in [0, 1]",
        "sample": "seeds",
        "rows": {
            "error": {
                "name": "autoencoder 784-1000-500-250-30",
                "published": 3.00,
                "error": None,
                "digits": 2,
                "goal": ("<", 3.00),
            },
        },
    },
    "ppca": {
        "by": "The closed form of Tipping and Bishop 1999, and PCA's error of Hinton and Salakhutdinov 2006",
        "source": "From the closed form of {cite}`tipping1999`, and PCA's error from {cite}`hinton2006`",
        "column": "Expected",  # no table of a paper
        "quantity": "exact log p(x) per digit, nats, and PCA's squared error per test digit; pixels in [0, 1]",
        "sample": "runs",
        "rows": {
            f"{k}, {split}": {
                "name": f"log p(x), k = {k}, {split} digits",
                "published": value,
                "error": None,
                "digits": 3,
                "goal": ("within", 0.001),
            }
            for k, values in ((2, (12.428, 14.360)), (10, (182.155, 186.024)), (30, (385.653, 394.616)))
            for split, value in zip(("training", "test"), values, strict=True)
        }
        | {
            "30, error": {
                "name": "squared error of PCA, k = 30, test digits",
                "published": 13.87,
                "error": None,
                "digits": 2,
                "goal": ("within", 0.01),
            },
        },
    },
    "iwae": {
        "by": "Burda, Grosse and Salakhutdinov 2016, Table 1, one stochastic layer",
        "source": "From {cite}`burda2016`, Table 1, one stochastic layer",
        "quantity": "−log p(x) per test digit, nats: the bound with 5000 draws, and how many latent units are active",
        "sample": "seeds",
        "rows": {
            "1": {"name": "VAE, k = 1", "published": 86.76, "error": None, "digits": 2, "goal": ("<", 86.76)},
            "1, units": {
                "name": "active units of VAE, k = 1",
                "published": 19,
                "error": None,
                "digits": 0,
                "goal": None,
            },
            "50": {"name": "IWAE, k = 50", "published": 84.78, "error": None, "digits": 2, "goal": ("<", 84.78)},
            "50, units": {
                "name": "active units of IWAE, k = 50",
                "published": 25,
                "error": None,
                "digits": 0,
                "goal": None,
            },
        },
    },
    "pacgan": {
        "by": "Lin et al. 2018, Table 1, the best row of each mixture: PacGAN2 for the ring, PacGAN4 for the grid",
        "source": "From {cite}`lin2018`, Table 1, the best row of each mixture: PacGAN2 for the ring, PacGAN4 for "
        "the grid",
        "quantity": "modes with a point within three standard deviations, the share of such points, and reverse KL, of "
        "2500 points",
        "sample": "trials",
        "rows": {
            f"{shape}, {measure}": {
                "name": f"{shape} of {modes}: {name}",
                "published": published,
                "error": error,
                "digits": digits,
                "our digits": our_digits,
                "goal": goal,
            }
            for shape, modes, rows in (
                ("ring", 8, ((7.9, 0.1), (95.6, 2.0), (0.07, 0.03))),
                ("grid", 25, ((24.8, 0.2), (93.6, 0.6), (0.04, 0.01))),
            )
            for (measure, name, digits, our_digits), (published, error), goal in zip(
                (
                    ("modes", "modes", 1, 1),
                    ("quality", "high quality, %", 1, 1),
                    ("reverse KL", "reverse KL, nats", 2, 4),
                ),
                rows,
                ((">", rows[0][0]), ("≥", 96.0), ("<", rows[2][0])),
                strict=True,
            )
        },
    },
    "rbm": {
        "by": "Salakhutdinov and Murray 2008, CD-25",
        "source": "From {cite}`salakhutdinov2008`, CD-25",
        "quantity": "log p(x) per test digit, nats, with log Z estimated from either end",
        "sample": "seeds",
        "rows": {
            "forward": {
                "name": "forward AIS: too large on average",
                "published": -86.34,
                "error": None,
                "digits": 2,
                "goal": None,
            },
            "reverse": {
                "name": "reverse AIS: too small on average",
                "published": None,
                "error": None,
                "digits": 2,
                "goal": None,
            },
        },
    },
}


def compared(paper: str, key: str, parts: list[dict]) -> dict | None:
    """One of a paper's rows: ours, and how far from what was published; None where no part has it.

    parts: what was measured, {"values": {key: [...]}, "errors": {key: ...}, "of": ...}. Ours is the mean over all
    values, its standard error theirs if there are several, else that of the part ("of": what it is an error over; None:
    an exact number). That of the difference is √(ours² + theirs²), as of independent numbers; a published value without
    one counts as if it were exact.
    """
    row = PAPERS[paper]["rows"][key]
    values = [value for part in parts for value in part["values"].get(key, [])]
    if not values:
        return None
    if len(values) > 1:
        finite = all(map(math.isfinite, values))  # the reverse KL of a trial without one good point is not
        error = statistics.stdev(values) / math.sqrt(len(values)) if finite else math.inf
        of = f"{len(values)} {PAPERS[paper]['sample']}"
    else:
        (part,) = (part for part in parts if key in part["values"])
        error = part["errors"].get(key)
        of = None if error is None else part["of"]
    ours = statistics.fmean(values)
    difference = None if row["published"] is None else ours - row["published"]
    of_both = [e for e in (error, row["error"]) if e is not None]
    goal, reached = row["goal"], None
    if goal is not None:
        reached = GOALS[goal[0]](difference if goal[0] == "within" else ours, goal[1])
    return {
        "ours": ours,
        "standard error": error,
        "over": of,
        "difference": difference,
        "standard error of the difference": math.hypot(*of_both) if of_both and difference is not None else None,
        "reached": reached,
    }


def shown(value: float | None, error: float | None, digits: int, sign: str = "") -> str:
    """A number and its standard error as text: 3.17 ± 0.02. An error too small for the digits gets two of its own."""
    if value is None:
        return "–"
    text = f"{round(value, digits) + 0.0:{sign}.{digits}f}"  # + 0.0: no -0
    if error is not None:
        small = 0 < error < 0.5 * 10**-digits
        text += f" ± {error:.1g}" if small else f" ± {error:.{max(digits, 1)}f}"
    return text.replace("-", "−").replace("inf", "∞")


def goal_of(row: dict) -> str:
    """The goal as text: < 3.00."""
    if row["goal"] is None:
        return "–"
    kind, value = row["goal"]
    if kind == "within":
        return f"within {value:g}"
    return f"{kind} {shown(value, None, row['digits'])}"


def machines(result: dict) -> str:
    """Seeds, devices, versions and time of a result, as text."""
    parts, settings = result["parts"], result["settings"]
    seconds = [part["seconds"] for part in parts]
    took = "time not known, as it was interrupted" if None in seconds else f"{sum(seconds):,.0f} s".replace(",", " ")
    where = {
        f"{part['device']}, {part['threads']} thread{'s' * (part['threads'] > 1)}, "
        f"Python {part['versions']['python']}, torch {part['versions']['torch']}": None
        for part in parts
    }
    seeds = f"seed{'s' * (len(settings['seeds']) > 1)} {', '.join(map(str, settings['seeds']))}" * bool(
        settings["seeds"]
    )
    missing = [str(part) for part in settings["parts"] if part not in [made["part"] for made in parts]]
    still = f"still to be done: {', '.join(missing)}" * bool(missing)
    return "; ".join(text for text in (seeds or "no seed: nothing is drawn", *where, took, still) if text)
