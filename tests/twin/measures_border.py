"""Measures at the importer's and the exporter's border, for the oracle. Written from the page of instruments alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.twin.measures import Measure, Policy, reader
from tests.twin.twin_equations import State, larger, smaller
from tests.twin.twin_market import READ, Array, Twin, abroad, into, numbers

# ---- quotas at the importer's border


class ImportQuotas(Measure):
    """Quotas by origin: groups of routes (R, R), each with tonnes and the part of the outer duty that is charged."""

    book = "import_duty"

    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        importers = numbers(twin.case, policy["importers"])
        named = numbers(twin.case, [name for name in policy["quota"] if name != "others"])
        others = [r for r in range(len(twin.case["regions"])) if r not in importers and r not in named]
        self.groups = [([twin.case["regions"].index(name)] if name != "others" else others, tonnes)
                       for name, tonnes in policy["quota"].items()]
        self.masks = [into(twin.case, importers, origins) for origins, _ in self.groups]
        self.tonnes = [tonnes for _, tonnes in self.groups]
        self.u = [self.unknown(f"part_{n}", 1.0, 1.0) for n in range(len(self.groups))]

    def outer(self, state: State) -> Array:
        """What tonnes beyond the quota pay more than those within it, (..., R, R)."""
        raise NotImplementedError

    def part(self, state: State) -> Array:
        return sum(state["own"][..., u, None, None] * mask for u, mask in zip(self.u, self.masks))

    def duty(self, state: State) -> Array:
        return self.part(state) * self.outer(state)

    def landed(self, state: State) -> Array:
        return self.routes(state, self.duty(state))

    def rows(self, state: State, own: Array) -> None:
        for u, mask, tonnes in zip(self.u, self.masks, self.tonnes):
            imports = (state["flow"][..., self.good, :, :] * mask).sum(axis=(-2, -1))
            usual = float((self.twin.a["flow0"][self.good] * mask).sum())
            own[..., u] = (tonnes - imports) / (max(usual, tonnes) or 1.0)

    def charges(self, state: State) -> list[tuple[str, str, Array]]:
        flow, within = state["flow"][self.good], np.ones_like(state["flow"][self.good])
        for mask, tonnes in zip(self.masks, self.tonnes):
            imports = (flow * mask).sum()
            within[mask] = min(1.0, tonnes / imports) if imports > 0 else 1.0
        charge = self.part(state) * self.outer(state)
        return [(self.book, "importer", (1 - within) * charge),
                ("licence_rent", self.policy.get("licences", "importer"), within * charge)]


class TariffRateQuota(ImportQuotas):
    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        self.rate, self.levy = policy.get("rate_in", 0.0), policy.get("levy_in", 0.0)
        self.step = policy.get("levy_out", 0.0) - self.levy
        self.rate_step = policy.get("rate_out", 0.0) - self.rate
        self.mask = sum(self.masks)
        self.old_rate, self.old_levy = (
            twin.a[name][good] * self.mask * policy.get("replaces_existing", False) for name in ("import_rate0", "import_levy0"))

    def outer(self, state: State) -> Array:
        return self.mask * (self.step + self.rate_step * self.twin.border0[self.good])

    def inner(self, state: State) -> Array:
        border = state["border"][..., self.good, :, :]
        return self.mask * (self.levy + self.rate * border) - self.old_levy - self.old_rate * border

    def duty(self, state: State) -> Array:
        return super().duty(state) + self.inner(state)

    def charges(self, state: State) -> list[tuple[str, str, Array]]:
        return super().charges(state) + [("import_duty", "importer", self.inner(state))]


class VariableLevyQuota(ImportQuotas):
    book = "floor_levy"

    def outer(self, state: State) -> Array:
        threshold = self.policy["threshold"]
        return larger(threshold - state["border"][..., self.good, :, :], 0, state["soft"] * threshold)


class EntryPrice(Measure):
    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        importers = numbers(twin.case, policy["importers"])
        outside = [r for r in range(len(twin.case["regions"])) if r not in importers]
        origins = outside if policy.get("origins") is None else numbers(twin.case, policy["origins"])
        self.mask = into(twin.case, importers, origins)
        self.cliff = policy.get("cliff", 0.92) * policy["entry_price"]
        used = self.mask & (twin.share0[good] > 0)
        self.u = {(o, d): self.unknown(f"flat_{o}_{d}", 1.0, 1.0) for o, d in zip(*np.nonzero(used))} if self.cliff else {}

    def top_up(self, state: State) -> Array:
        entry, most, width = self.policy["entry_price"], self.policy["max_duty"], state["soft"] * self.policy["entry_price"]
        flat = np.zeros_like(state["border"][..., self.good, :, :])
        for (o, d), u in self.u.items():
            flat[..., o, d] = state["own"][..., u]
        gap = larger(entry - state["border"][..., self.good, :, :], 0, width)
        return self.mask * ((1 - flat) * smaller(gap, most, width) + flat * most)

    def rate(self, state: State) -> Array:
        return self.policy.get("rate", 0.0) * self.mask * state["border"][..., self.good, :, :]

    def duty(self, state: State) -> Array:
        return self.top_up(state) + self.rate(state)

    def landed(self, state: State) -> Array:
        return self.routes(state, self.duty(state))

    def rows(self, state: State, own: Array) -> None:
        for (o, d), u in self.u.items():
            own[..., u] = state["border"][..., self.good, o, d] / self.cliff - 1

    def charges(self, state: State) -> list[tuple[str, str, Array]]:
        return [("floor_levy", "importer", self.top_up(state)), ("import_duty", "importer", self.rate(state))]


# ---- limits on exports


class ExportLimit(Measure):
    """A rent on exports to some destinations, kept by the holder of licences."""

    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        self.exporter = twin.case["regions"].index(policy["exporter"])
        free = numbers(twin.case, policy.get("exempt")) + [self.exporter]
        own = np.arange(len(twin.case["regions"])) == self.exporter
        self.mask = abroad(twin.case, policy.get("destinations"), free) & own[:, None]
        live = twin.active[good, self.exporter] and self.limits()
        self.u = self.unknown("rent", np.inf, float(twin.a["price0"][good, self.exporter])) if live else None

    def limits(self) -> bool:
        return True

    def rent(self, state: State) -> Any:
        return 0.0 if self.u is None else state["own"][..., self.u]

    def export(self, state: State) -> Array:
        return self.routes(state, np.asarray(self.rent(state))[..., None, None] * self.mask)

    def exports(self, state: State) -> Array:
        return (state["flow"][..., self.good, :, :] * self.mask).sum(axis=(-2, -1))

    def allowed(self, state: State) -> Array:
        raise NotImplementedError

    def rows(self, state: State, own: Array) -> None:
        if self.u is not None:
            usual = float(self.twin.a["output0"][self.good, self.exporter])
            own[..., self.u] = (self.allowed(state) - self.exports(state)) / usual

    def money(self, state: State) -> dict[str, Array]:
        rent = self.rent(state) * self.mask * state["flow"][self.good]
        return {"export_charge": -self.owned(rent, "exporter"),
                "quota_rent": self.owned(rent, str(self.policy.get("licence_holder", "exporter")))}


class DomesticProcessing(ExportLimit):
    def limits(self) -> bool:
        return bool(self.policy["share"] < 1)

    def allowed(self, state: State) -> Array:
        return (1 - self.policy["share"]) * state["output"][..., self.good, self.exporter]

    def receipts(self, state: State) -> Any:
        if not self.policy.get("output_based"):
            return 0.0
        mine = np.arange(self.twin.shape[1]) == self.exporter
        return self.nodes(state, (1 - self.policy["share"]) * np.asarray(self.rent(state))[..., None] * mine)

    def money(self, state: State) -> dict[str, Array]:
        """What producers get with each tonne is no subsidy, and leaves no rent."""
        lines = super().money(state)
        if self.policy.get("output_based"):
            lines |= {"quota_rent": np.zeros(self.twin.shape), "subsidy": self.receipts(state) * state["output"]}
        return lines


class ExportLicence(ExportLimit):
    """Exports desired are those of the market without any licence, waiting for one left in."""

    def limits(self) -> bool:
        self.quota = None
        return 0 < self.policy.get("refused", 0.0) < 1

    def freight(self, state: State) -> Array:
        return self.routes(state, self.policy.get("delay", 0.0) * state["price"][..., self.good, :, None] * self.mask)

    def allowed(self, state: State) -> float:
        if self.quota is None:
            from tests.twin.twin import solve  # a market is solved while another is read

            given = [policy | {"refused": 0.0} if policy["kind"] == "export_licence" else policy
                     for policy in self.twin.case["policies"]]
            desired = solve(self.twin.case | {"policies": given})["flow"][self.good] * self.mask
            self.quota = (1 - self.policy["refused"]) * float(desired.sum())
        return self.quota


# ---- who does not pay


class Evasion(Measure):
    """Of all duties and levies that instruments add; read once, whatever the number of those."""

    def __init__(self, twin: Twin, number: int, good: int, policy: Policy) -> None:
        super().__init__(twin, number, good, policy)
        everyone = twin.case["regions"]
        importers, exporters = (numbers(twin.case, everyone if policy.get(key) is None else policy[key])
                                for key in ("importers", "exporters"))
        self.mask = 1.0 * into(twin.case, importers, exporters)

    def others(self) -> list[Measure]:
        return [other for other in self.twin.tools.measures if other.good == self.good]

    def plain(self, state: State) -> list[tuple[str, str, Array]]:
        """Tariffs, and levies that hold a floor."""
        g, a = self.good, self.twin.a
        rate = (state["import_rate"] - a["import_rate0"])[..., g, :, :]
        levy = (state["import_levy"] - a["import_levy0"])[..., g, :, :]
        value = (state["border"] + state["undertaking"])[..., g, :, :]
        return [("import_duty", "importer", rate * value + levy),
                ("floor_levy", "importer", (state["top_up"] - state["undertaking"])[..., g, :, :])]

    def added(self, state: State) -> Array:
        return sum(charge for _, _, charge in self.plain(state)) + sum(other.duty(state) for other in self.others())

    def landed(self, state: State) -> Array:
        added, most, scale = self.added(state), self.policy["most"], self.policy["scale"]
        return self.routes(state, -self.mask * most * (added - scale * (1 - np.exp(-added / scale))))

    def charges(self, state: State) -> list[tuple[str, str, Array]]:
        evading = self.mask * self.policy["most"] * (1 - np.exp(-self.added(state) / self.policy["scale"]))
        paid = self.plain(state) + [charge for other in self.others() if other is not self for charge in other.charges(state)]
        return [(account, owner, -evading * charge) for account, owner, charge in paid]


READ |= {"tariff_rate_quota": reader(TariffRateQuota), "variable_levy_quota": reader(VariableLevyQuota),
         "entry_price": reader(EntryPrice), "domestic_processing": reader(DomesticProcessing),
         "export_licence": reader(ExportLicence), "evasion": reader(Evasion)}
