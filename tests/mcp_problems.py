"""Classical complementarity problems with analytic Jacobians; figures in cases/mcp_problems.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from floormodel.equilibrium.newton import Solution, solve_mcp

CASES = tomllib.loads((Path(__file__).parent / "cases" / "mcp_problems.toml").read_text(encoding="utf-8"))


class Case:
    """A function z (k, n) -> F (k, n), J (k, n, n) with bounds and starts, alike for every draw."""

    def __init__(self, function: Callable, starts, lower=0.0, upper=np.inf, solutions=None):
        self.function = function
        self.starts = np.array(starts, dtype=float)
        n = self.starts.shape[1]
        self.lower, self.upper = np.broadcast_to(lower, n).astype(float), np.broadcast_to(upper, n).astype(float)
        self.solutions = None if solutions is None else np.array(solutions, dtype=float)

    def evaluate(self, z, draw, width, jacobian):
        f, jac = self.function(z)
        return f, jac if jacobian else None


def solve(case: Case, starts=None, **options) -> Solution:
    """solve_mcp without a step cap, from the listed starts unless told otherwise."""
    return solve_mcp(case, case.lower, case.upper, case.starts if starts is None else starts,
                     **{"max_step": np.inf, **options})


def residual_by_definition(case: Case, z: np.ndarray) -> float:
    """max |z - mid(lower, upper, z - F)|, one component at a time."""
    f = case.function(z[None])[0][0]
    return max(abs(zi - sorted((lo, up, zi - fi))[1]) for zi, fi, lo, up in zip(z, f, case.lower, case.upper))


def linear(matrix, constant, starts, lower=0.0, upper=np.inf, solutions=None) -> Case:
    """F = M z + q."""
    matrix = np.asarray(matrix, dtype=float)
    return Case(lambda z: (z @ matrix.T + constant, np.tile(matrix, (len(z), 1, 1))), starts, lower, upper, solutions)


def kojima(name: str) -> Case:
    case = CASES[name]
    a, b, c, d, e = case["coefficients"]

    def function(z):
        x, y, u, v = z.T
        one = np.ones_like(x)
        f = [3*x**2 + 2*x*y + 2*y**2 + u + 3*v - 6, 2*x**2 + x + y**2 + a*u + b*v - 2,
             3*x**2 + x*y + 2*y**2 + c*u + d*v - e, x**2 + 3*y**2 + 2*u + 3*v - 3]
        rows = [[6*x + 2*y, 2*x + 4*y, one, 3*one], [4*x + 1, 2*y, a*one, b*one],
                [6*x + y, x + 4*y, c*one, d*one], [2*x, 6*y, 2*one, 3*one]]
        return np.stack(f, 1), np.stack([np.stack(row, 1) for row in rows], 1)

    return Case(function, case["starts"], solutions=case["solutions"])


def billups() -> Case:
    case = CASES["billups"]
    return Case(lambda z: ((z - 1)**2 - 1.01, 2*(z - 1)[:, :, None]), case["starts"], solutions=case["solutions"])


def munson1() -> Case:
    case = CASES["munson1"]
    return linear([[1, 2, 3], [0, 1, -1], [1, 1, 0]], np.array([-1.0, 1, 1]), case["starts"],
                  solutions=case["solutions"])


def mathiesen() -> Case:
    def function(z):
        x, y, u, v = z.T
        zero, one = np.zeros_like(x), np.ones_like(x)
        f = [-y + u + v, x - (4.5*u + 2.7*v)/(y + 1), 5 - x - (0.5*u + 0.3*v)/(u + 1), 3 - x]
        rows = [[zero, -one, one, one], [one, (4.5*u + 2.7*v)/(y + 1)**2, -4.5/(y + 1), -2.7/(y + 1)],
                [-one, zero, -0.5/(u + 1) + (0.5*u + 0.3*v)/(u + 1)**2, -0.3/(u + 1)], [-one, zero, zero, zero]]
        return np.stack(f, 1), np.stack([np.stack(row, 1) for row in rows], 1)

    return Case(function, CASES["mathiesen"]["starts"])


def nash(name: str) -> Case:
    """Cournot firms: marginal cost less marginal revenue, P = (5000 / Q)^(1 / gamma)."""
    case = CASES[name]
    c, beta, scale, gamma = np.array(case["c"], float), np.array(case["beta"]), case["scale"], case["gamma"]

    def function(q):
        total = q.sum(1, keepdims=True)
        price = (5000/total)**(1/gamma)
        slope = -price/(gamma*total)
        f = c + (scale*q)**(1/beta) - price - q*slope
        cross = -slope - q*slope*(-1/gamma - 1)/total
        own = scale/beta*(scale*q)**(1/beta - 1) - slope
        return f, cross[:, :, None] + own[:, :, None]*np.eye(q.shape[1])

    return Case(function, case["starts"], solutions=case["solutions"])


def murty(n: int = 16) -> Case:
    matrix = np.eye(n) + 2*np.triu(np.ones((n, n)), 1)
    return linear(matrix, -np.ones(n), [np.zeros(n), np.ones(n)], solutions=[np.eye(n)[-1]])


def fathi(n: int = 16) -> Case:
    i = np.arange(n)
    smaller = np.minimum(i[:, None], i[None, :])
    matrix = 4*smaller + 1 + (i[:, None] != i[None, :])
    return linear(matrix, -np.ones(n), [np.zeros(n), np.ones(n)], solutions=[np.eye(n)[0]])


def ahn(n: int = 16) -> Case:
    matrix = np.diag(np.full(n, 4.0)) + np.diag(np.full(n - 1, -2.0), 1) + np.diag(np.ones(n - 1), -1)
    return linear(matrix, -np.ones(n), [np.zeros(n), np.ones(n)], solutions=[np.linalg.solve(matrix, np.ones(n))])


def rosenbrock() -> Case:
    case = CASES["rosenbrock"]

    def function(z):
        x, y = z.T
        f = [-200*x*(y - x**2) - (1 - x), 100*(y - x**2)]
        rows = [[-200*(y - x**2) + 400*x**2 + 1, -200*x], [-200*x, np.full_like(x, 100.0)]]
        return np.stack(f, 1), np.stack([np.stack(row, 1) for row in rows], 1)

    return Case(function, case["starts"], case["lower"], case["upper"], case["solutions"])


def spe2(name: str) -> Case:
    case = CASES[name]
    matrix = [[2, 0, -1, 0, 0], [0, 2, 1, 0, 0], [1, -1, 0, 1, 1], [0, 1, 0, 0, 0], [0, 0, -1, 0, 0]]
    constant = np.array([-14.0, -50, 4, -case["floor"], case["quota"]])
    upper = [np.inf, np.inf, np.inf, case["levy_cap"], np.inf]
    return linear(matrix, constant, case["starts"], 0.0, upper, case["solutions"])


def obstacle() -> Case:
    side = CASES["obstacle"]["side"]
    grid = np.arange(1, side + 1)/(side + 1)
    wave = np.outer(np.sin(9.2*grid), np.sin(9.3*grid)).ravel()
    line = 2*np.eye(side) - np.eye(side, k=1) - np.eye(side, k=-1)
    matrix = np.kron(line, np.eye(side)) + np.kron(np.eye(side), line)
    lower = wave**3
    return linear(matrix, -np.full(side**2, (side + 1.0)**-2), [np.maximum(lower, 0)], lower, wave**2 + 0.2)


PIES_BLOCKS = {"coal": (2, 3), "oil": (2, 2), "coal_shipped": (2, 2), "oil_shipped": (2, 2), "light": (2, 2),
               "heavy": (2, 2), "price": (3, 2), "scarcity": (2,), "coal_value": (2,), "oil_value": (2,),
               "light_value": (2,), "heavy_value": (2,)}


def pies_blocks(z: np.ndarray) -> dict[str, np.ndarray]:
    """z (42,) as named blocks: (region, increment), (region, user), (refinery, user), (product, user)..."""
    edges = np.cumsum([0] + [int(np.prod(shape)) for shape in PIES_BLOCKS.values()])
    return {name: z[a:b].reshape(shape) for (name, shape), a, b in zip(PIES_BLOCKS.items(), edges, edges[1:])}


def pies_linear_part(z: np.ndarray) -> np.ndarray:
    """All rows of pies but the demand of users."""
    data = {key: np.array(value) for key, value in CASES["pies"].items() if key != "solution"}
    v, out = pies_blocks(z), data["yields"]
    used = np.einsum("kri,ri->k", data["coal_use"], v["coal"]) + np.einsum("kri,ri->k", data["oil_use"], v["oil"])
    refined = v["oil_shipped"].sum(0)  # by refinery
    worth = out[:, 0]*v["light_value"] + out[:, 1]*v["heavy_value"]
    rows = [
        data["coal_cost"] + np.einsum("kri,k->ri", data["coal_use"], v["scarcity"]) - v["coal_value"][:, None],
        data["oil_cost"] + np.einsum("kri,k->ri", data["oil_use"], v["scarcity"]) - v["oil_value"][:, None],
        data["coal_freight"] + v["coal_value"][:, None] - v["price"][0],
        data["oil_freight"] + data["refining_cost"] + v["oil_value"][:, None] - worth,
        data["product_freight"] + v["light_value"][:, None] - v["price"][1],
        data["product_freight"] + v["heavy_value"][:, None] - v["price"][2],
        np.stack([v["coal_shipped"].sum(0), v["light"].sum(0), v["heavy"].sum(0)]),
        data["resources"] - used,
        v["coal"].sum(1) - v["coal_shipped"].sum(1),
        v["oil"].sum(1) - v["oil_shipped"].sum(1),
        out[:, 0]*refined - v["light"].sum(1),
        out[:, 1]*refined - v["heavy"].sum(1),
    ]
    return np.concatenate([np.ravel(row) for row in rows])


def pies() -> Case:
    data = CASES["pies"]
    constant = pies_linear_part(np.zeros(42))
    matrix = np.stack([pies_linear_part(unit) - constant for unit in np.eye(42)], axis=1)
    demand0, price0, elasticity = (np.array(data[key], float) for key in ("demand0", "price0", "elasticity"))
    price = np.arange(26, 32).reshape(3, 2)

    def function(z):
        f, jac = z @ matrix.T + constant, np.tile(matrix, (len(z), 1, 1))
        for user in range(2):
            at = price[:, user]
            demand = demand0*np.exp(np.log(z[:, at]/price0) @ elasticity.T)
            f[:, at] -= demand
            jac[:, at[:, None], at] -= demand[:, :, None]*elasticity/z[:, None, at]
        return f, jac

    lower, upper = np.zeros(42), np.full(42, np.inf)
    lower[26:32], lower[34:] = data["price_lower"], -np.inf
    upper[:6], upper[6:10] = np.ravel(data["coal_upper"]), np.ravel(data["oil_upper"])
    return Case(function, [data["start"], np.ones(42)], lower, upper)


PROBLEMS: dict[str, Callable[[], Case]] = {
    "kojshin": lambda: kojima("kojshin"), "josephy": lambda: kojima("josephy"), "billups": billups, "munson1": munson1,
    "mathiesen": mathiesen, "nash5": lambda: nash("nash5"), "nash10": lambda: nash("nash10"), "murty": murty,
    "fathi": fathi, "ahn": ahn, "rosenbrock": rosenbrock, "obstacle": obstacle, "pies": pies,
    **{name: lambda name=name: spe2(name) for name in CASES if name.startswith("spe2")},
}
