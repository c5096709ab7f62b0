"""Measures on where buyers of a region buy, for the oracle. Written from the page of instruments alone."""

from __future__ import annotations

import numpy as np

from tests.twin.measures import Measure, Policy, reader
from tests.twin.twin_equations import State, smaller
from tests.twin.twin_market import READ, Array, Twin, numbers


class Credits(Measure):
    """Credits traded among the buyers of each region: shares of an origin's tonnes (..., R, R) that earn one."""

    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        regions = [r for r in numbers(twin.case, policy["regions"]) if twin.supplied[good, r]]
        scale = max(policy["penalty"], 1e-9)
        self.u = {r: self.unknown(f"credit_{r}", policy["penalty"], scale) for r in regions}

    def credit(self, state: State) -> Array:
        """Price of a credit in each region, (..., R)."""
        out = np.zeros_like(state["price"][..., self.good, :])
        for r, u in self.u.items():
            out[..., r] = state["own"][..., u]
        return out

    def earning(self, credit: Array) -> Array:
        """Share of tonnes that earn a credit, (..., R, R)."""
        raise NotImplementedError

    def earned(self, credit: Array) -> Array:
        """Integral of it over the price of the credit: what a tonne earns less what earning it costs."""
        raise NotImplementedError

    def landed(self, state: State) -> Array:
        credit = self.credit(state)
        return self.routes(state, credit[..., None, :] * self.policy["share"] - self.earned(credit))

    def missing(self, state: State) -> Array:
        flow = state["flow"][..., self.good, :, :]
        return ((self.policy["share"] - self.earning(self.credit(state))) * flow).sum(axis=-2)

    def rows(self, state: State, own: Array) -> None:
        usual = self.twin.a["flow0"][self.good].sum(axis=0)
        for r, u in self.u.items():
            own[..., u] = -self.missing(state)[..., r] / usual[r]

    def money(self, state: State) -> dict[str, Array]:
        return {"standards_penalty": self.nodes(state, self.credit(state) * self.missing(state))}


class StandardsMarket(Credits):
    def _by_origin(self, name: str, missing: Array) -> Array:
        given = self.policy.get(name, {})
        return np.array([given.get(region, there) for region, there in zip(self.twin.case["regions"], missing)])[:, None]

    def _curve(self) -> tuple[Array, Array, Array]:
        n = self.twin.shape[1]
        now = self._by_origin("certified", np.zeros(n))
        return now, self._by_origin("potential", now[:, 0]) - now, self._by_origin("cost", np.ones(n))

    def earning(self, credit: Array) -> Array:
        now, more, cost = self._curve()
        return now + more * (1 - np.exp(-credit[..., None, :] / cost))

    def earned(self, credit: Array) -> Array:
        now, more, cost = self._curve()
        price = credit[..., None, :]
        return now * price + more * (price - cost * (1 - np.exp(-price / cost)))


class LocalContent(Credits):
    def _local(self) -> Array:
        names = self.policy["regions"] if self.policy.get("local") is None else self.policy["local"]
        return np.isin(range(self.twin.shape[1]), numbers(self.twin.case, names)).astype(float)[:, None]

    def earning(self, credit: Array) -> Array:
        return self._local() + 0 * credit[..., None, :]

    def earned(self, credit: Array) -> Array:
        return self._local() * credit[..., None, :]


class Offtake(Measure):
    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        self.route = tuple(twin.case["regions"].index(policy[name]) for name in ("seller", "buyer"))

    def delivered(self, state: State) -> Array:
        seller, buyer = self.route
        width = state["soft"] * max(self.policy["volume"], 1e-9)
        most = smaller(state["output"][..., self.good, seller], state["use"][..., self.good, buyer], width)
        most = smaller(most, self.policy["volume"], width)
        one = np.zeros((self.twin.shape[1],) * 2)
        one[self.route] = 1
        open_route = self.twin.active[self.good, seller] and not self.twin.tools.closed[self.good, seller, buyer]
        return self.routes(state, most[..., None, None] * one * open_route)

    def money(self, state: State) -> dict[str, Array]:
        """The fixed price alone."""
        seller, buyer = self.route
        tonnes, price = state["delivered"][self.good, seller, buyer], self.policy["price"]
        gets, pays = np.zeros(self.twin.shape), np.zeros(self.twin.shape)
        gets[self.good, seller] = (price - state["landed"][self.good, seller, buyer]) * tonnes
        pays[self.good, self.twin.case["regions"].index(self.policy.get("payer_region") or self.policy["buyer"])] = (
            state["index"][self.good, buyer] - price) * tonnes
        line = "offtake_cost" if self.policy.get("payer", "buyers") == "buyers" else "public_offtake"
        return {"offtake_receipt": gets, line: pays}


READ |= {"standards_market": reader(StandardsMarket), "local_content": reader(LocalContent), "offtake": reader(Offtake)}
