"""Measures on where buyers of a region buy, for the oracle. Written from the page of instruments alone."""

from __future__ import annotations

import numpy as np

from tests.twin.measures import Measure, Policy, reader
from tests.twin.twin_equations import State
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
    """A preference brings the tonnes to the buyer; a fixed price is a two-way gap payment on as many of the seller's tonnes."""

    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        seller, buyer = self.route = tuple(twin.case["regions"].index(policy[name]) for name in ("seller", "buyer"))
        self.u = None
        if twin.share0[good, seller, buyer] > 0:  # otherwise there is no contract
            most = float(twin.index0[good, buyer])
            self.u = self.unknown("preference", most, most)
            twin.tools.subsidies.append({
                "good": good, "regions": [seller], "strike": policy["price"], "threshold": policy["price"], "share": 1.0,
                "weights": None, "budget": None, "volume": policy["volume"]})

    def preference(self, state: State) -> Array:
        one = np.zeros((self.twin.shape[1],) * 2)
        one[self.route] = self.u is not None
        return np.asarray(0.0 if self.u is None else state["own"][..., self.u])[..., None, None] * one

    def landed(self, state: State) -> Array:
        return self.routes(state, -self.preference(state))

    def rows(self, state: State, own: Array) -> None:
        if self.u is not None:
            usual = float(self.twin.a["flow0"][:, :, self.route[1]][self.good].sum())
            own[..., self.u] = (state["flow"][(..., self.good, *self.route)] - self.policy["volume"]) / usual

    def money(self, state: State) -> dict[str, Array]:
        if self.u is None:
            return {}
        seller, buyer = self.route
        price, volume, usual = self.policy["price"], self.policy["volume"], self.twin.a["output0"][self.good, seller]
        gate, keep = state["price"][self.good, seller], state["keep"][self.good, seller]
        tonnes = min(state["output"][self.good, seller], volume) if price >= gate else min(usual, volume)
        paid = (price - gate) * tonnes
        marginal = (state["net_price"] - state["price"] * state["keep"] - state["receipts"])[self.good, seller]
        public = self.policy.get("payer", "buyers") == "treasury"
        payment = ("guarantee_outlay" if paid > 0 else "clawback") if public else "collar"
        return {"public_offtake" if public else "offtake_cost":
                self.nodes(state, -(self.preference(state) * state["flow"][self.good]).sum(axis=0)),
                payment: self.at(buyer, -paid), "royalty": self.at(seller, (1 - keep) * paid),
                "producer_surplus": self.at(seller, keep * paid - marginal * state["output"][self.good, seller])}

    def at(self, region: int, value: float) -> Array:
        out = np.zeros(self.twin.shape)
        out[self.good, region] = value
        return out


READ |= {"standards_market": reader(StandardsMarket), "local_content": reader(LocalContent), "offtake": reader(Offtake)}
