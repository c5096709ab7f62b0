"""Measures on producers, processors and users, for the oracle. Written from the page of instruments alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.twin.measures import Measure, Policy, reader
from tests.twin.twin_accounts import supply_cost
from tests.twin.twin_equations import State, larger
from tests.twin.twin_market import READ, Array, Twin, numbers


class DualPricing(Measure):
    """Home buyers pay less than the gate price; what that costs is spread over all that producers make."""

    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        self.region = twin.case["regions"].index(policy["region"])
        live = twin.active[good, self.region]
        self.u = self.unknown("burden", np.inf, float(twin.a["price0"][good, self.region])) if live else None

    def one(self) -> Array:
        return np.arange(self.twin.shape[1]) == self.region

    def export(self, state: State) -> Array:
        discount = self.policy["discount"] * state["price"][..., self.good, :]
        return self.routes(state, -discount[..., None] * np.diag(self.one()))

    def receipts(self, state: State) -> Any:
        return 0.0 if self.u is None else self.nodes(state, -state["own"][..., self.u, None] * self.one())

    def rows(self, state: State, own: Array) -> None:
        if self.u is not None:
            g, r, a = self.good, self.region, self.twin.a
            given = self.policy["discount"] * state["price"][..., g, r] * state["flow"][..., g, r, r]
            own[..., self.u] = (state["own"][..., self.u] * state["output"][..., g, r] - given) / (
                a["price0"][g, r] * a["output0"][g, r])

    def money(self, state: State) -> dict[str, Array]:
        """The discount is no export charge and the burden no subsidy: treasuries have no part in them."""
        g, r = self.good, self.region
        given = self.policy["discount"] * state["price"][g, r] * state["flow"][g, r, r]
        burden = 0.0 if self.u is None else state["own"][self.u] * state["output"][g, r]
        return {"export_charge": self.nodes(state, given * self.one()), "subsidy": self.nodes(state, -burden * self.one())}


class UseTax(Measure):
    def tax(self) -> Array:
        index = np.nan_to_num(self.twin.index0[self.good])
        taxed = np.isin(range(self.twin.shape[1]), numbers(self.twin.case, self.policy["regions"]))
        return taxed * (self.policy.get("rate", 0.0) + self.policy.get("share", 0.0) * index)

    def users(self) -> str:
        return str(self.policy.get("users", "all"))

    def final_tax(self, state: State) -> Any:
        return self.nodes(state, self.tax()) if self.users() in ("all", "final") else 0.0

    def input_tax(self, state: State) -> Any:
        return self.nodes(state, self.tax()) if self.users() in ("all", "processors") else 0.0

    def money(self, state: State) -> dict[str, Array]:
        final = self.final_tax(state) * state["final_demand"] + np.zeros(self.twin.shape)
        tonnes = self.twin.a["recipe"][:, self.good, None] * state["output"]
        return {"use_tax": final, "subsidy": tonnes * (self.input_tax(state) + np.zeros(self.twin.shape))[self.good]}


class ProductionSubsidy(Measure):
    def receipts(self, state: State) -> Array:
        paid = np.isin(range(self.twin.shape[1]), numbers(self.twin.case, self.policy["regions"]))
        rate = self.policy.get("rate", 0.0) + self.policy.get("share", 0.0) * self.twin.a["price0"][self.good]
        return self.nodes(state, paid * rate)


class MiningTax(Measure):
    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        r, a = twin.case["regions"].index(policy["region"]), twin.a
        self.region = r
        royalty = policy.get("royalty", 0.0) + (0 if policy.get("replaces_existing") else a["royalty0"][good, r])
        hidden = policy.get("under_invoicing")
        self.declared = 1 - (a["under_invoicing"][good, r] if hidden is None else hidden)
        twin.tools.keep[good, r] += 1 - royalty * self.declared - twin.keep[good, r]

    def money(self, state: State) -> dict[str, Array]:
        surplus = state["margin"] * state["output"] - supply_cost(self.twin, state["output"])
        out = np.zeros(self.twin.shape)
        node = self.good, self.region
        out[node] = self.policy.get("profit_tax", 0.0) * self.declared * surplus[node] if self.twin.active[node] else 0
        return {"profit_tax": out, "producer_surplus": -out}


class BuyerCollar(Measure):
    """A gap payment of buyers; without a volume it is marginal, clawback included, as in a gap payment without one."""

    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        self.buyer = twin.case["regions"].index(policy["buyer"])
        self.regions = [r for r in numbers(twin.case, policy["regions"]) if twin.active[good, r]]
        threshold = policy.get("upside_threshold")
        self.terms = {"good": good, "regions": self.regions, "strike": policy["floor"], "weights": None, "budget": None,
                      "threshold": policy["floor"] if threshold is None else threshold,
                      "share": policy.get("upside_share", 0.0), "volume": policy.get("volume")}
        if self.regions:
            twin.tools.subsidies.append(self.terms)
        self.u, through = None, policy.get("pass_through", 0.0)
        if through and self.regions and twin.supplied[good, self.buyer]:
            usual = float(twin.index0[good, self.buyer])
            cap = policy.get("levy_cap")
            self.u = self.unknown("levy", usual if cap is None else cap, usual)

    def levy(self, state: State) -> Any:
        if self.u is None:
            return 0.0
        return self.nodes(state, state["own"][..., self.u, None] * (np.arange(self.twin.shape[1]) == self.buyer))

    def final_tax(self, state: State) -> Any:
        return self.levy(state)

    def input_tax(self, state: State) -> Any:
        return self.levy(state)

    def _paid(self, state: State, soft: float) -> tuple[Array, Array]:
        """Floor payments and what comes back, by region, USD/yr."""
        g, volume, terms = self.good, self.policy.get("volume"), self.terms
        tonnes, fixed = state["output"][..., g, :], self.twin.a["output0"][g]
        if volume is None:
            fixed = tonnes
        else:
            tonnes = larger(0, tonnes, 0) - larger(tonnes - volume, 0, soft * volume)
            fixed = np.minimum(fixed, volume)
        mask = np.isin(range(self.twin.shape[1]), self.regions)
        price, width = state["price"][..., g, :], soft * terms["strike"]
        back = terms["share"] * larger(price - terms["threshold"], 0, width) * fixed
        return mask * larger(terms["strike"] - price, 0, width) * tonnes, mask * back

    def rows(self, state: State, own: Array) -> None:
        if self.u is not None:
            node = self.good, self.buyer
            use, usual = state["use"][(..., *node)], float(self.twin.a["flow0"][self.good].sum(axis=0)[self.buyer])
            paid = self._paid(state, state["soft"])[0].sum(axis=-1)
            own[..., self.u] = (state["own"][..., self.u] * use - self.policy["pass_through"] * paid) / (
                usual * float(self.twin.index0[node]))

    def money(self, state: State) -> dict[str, Array]:
        paid, back = self._paid(state, 0.0)
        cap = self.policy.get("clawback_cap")
        back = back if cap is None else np.minimum(back, cap)
        collar = np.zeros(self.twin.shape)
        collar[self.good, self.buyer] = back.sum() - paid.sum()
        levy = (self.levy(state) + np.zeros(self.twin.shape)) * state["use"]
        keep, guarantee = state["keep"], state["net_price"] - state["price"] * state["keep"] - state["receipts"]
        payment = self.nodes(state, paid - back)
        return {"collar": collar, "levy_on_use": levy, "royalty": (1 - keep) * payment,
                "producer_surplus": keep * payment - guarantee * state["output"]}


READ |= {"dual_pricing": reader(DualPricing), "use_tax": reader(UseTax), "mining_tax": reader(MiningTax),
         "production_subsidy": reader(ProductionSubsidy), "buyer_collar": reader(BuyerCollar)}
