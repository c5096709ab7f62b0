"""What a market's shares say about costs and conduct: levels and dispersion of supply costs, bounds on conduct, checks of entrants.

Reads the market as built in its data folder, its producers over time and `calibration/figures/supply_costs/`. The model reads
none of the four tables that are written; docs/concentration.md says what each is for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import linregress

import floormodel as fm
from calibration.concentration import REST, edition, read_history
from calibration.figures import Table, read_figures, read_sources
from floormodel.indicators.concentration import conduct_bounds, hhi_bounds
from floormodel.indicators.share_distributions import FEWEST, fit_shares
from floormodel.indicators.supply_costs import cost_handicap, log_cost_spread, technology

FIGURES = Path(__file__).parent / "figures" / "supply_costs"
HORIZONS = ("short", "long")
NO_COST = "no cost was read: anything up to the price"
COSTS = "price less cash cost, over price"
MARGIN = "price less inputs, over price, in the benchmark"


def build(market: str, out: Path) -> None:
    """Write `supply_costs.csv`, `cost_dispersion.csv`, `conduct.csv` and `entry_weights.csv` into `out`, the market's built folder."""
    markets = {h: fm.load_market(market, horizon=h, folder=out) for h in HORIZONS}
    costs = read_figures(FIGURES / "costs.csv", read_sources(FIGURES / "sources.csv")["id"], ["market", "good", "measure", "quantile"])
    history = read_history(market)
    tables = {"supply_costs": [r for m in markets.values() for r in supply_costs(m)],
              "cost_dispersion": [r for m in markets.values() for r in cost_dispersion(m, history, costs)],
              "conduct": [r for m in markets.values() for r in conduct(m, history, costs)],
              "entry_weights": entry_weights(markets["long"], history)}
    for name, rows in tables.items():
        if rows:
            pd.DataFrame(rows).to_csv(out / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")


def supply_costs(market: fm.Market) -> list[dict]:
    """Levels T of the regions that sell a good, by inversion of their shares in what all buyers spend, theta = sigma - 1.

    `handicap` is how many times cheaper a region would have to land its goods to sell as much as the one with the largest T,
    at the central sigma and at the ends of its range; empty where sigma is at most one. T holds all that landed prices do not:
    size of deposits, plants built, grades, loyalty of buyers.
    """
    found, rows = fm.solve(market).dataset, []
    for good in market.goods:
        tonnes = found["flow"].sel(good=good).transpose("origin", "destination").values
        spent = np.nan_to_num(tonnes * found["landed_price"].sel(good=good).transpose("origin", "destination").values)
        order = np.argsort(-spent.sum(axis=1), kind="stable")[: np.count_nonzero(spent.sum(axis=1))]
        share, landed = (spent.sum(axis=1) / spent.sum())[order], (spent.sum(axis=1) / np.maximum(tonnes.sum(axis=1), 1e-300))[order]
        sigma = elasticity(market, "sourcing_elasticity", good)
        levels = [technology(share, landed, s - 1) if s > 1 else np.full(len(order), np.nan) for s in sigma]
        handicap = [cost_handicap(level, max(s - 1, 0)) for level, s in zip(levels, sigma)]
        rows += [{"stage": good, "horizon": market.horizon, "region": market.regions[region], "share": share[i], "landed_price": landed[i],
                  "theta": sigma[1] - 1, "technology": levels[1][i], "handicap": handicap[1][i],
                  "handicap_at_high_sigma": handicap[2][i], "handicap_at_low_sigma": handicap[0][i]} for i, region in enumerate(order)]
    return rows


def cost_dispersion(market: fm.Market, history: pd.DataFrame, costs: Table) -> list[dict]:
    """Three readings of how dispersed supply costs are: theta of the sourcing elasticity, of a cost curve, and the sizes' spread.

    `log_cost_sd` is the standard deviation of log cost over suppliers that the Frechet law of their sizes needs at the
    central theta. A cost curve's theta is the slope of log(-log(1 - quantile)) on log cost (the Weibull plot), with its
    standard error; `sigma_of_curve` is what a sourcing elasticity would be if units within a supplier were as dispersed.
    """
    rows = []
    for good in market.goods:
        low, middle, high = elasticity(market, "sourcing_elasticity", good)
        row = {"stage": good, "horizon": market.horizon, "sigma_low": low, "sigma": middle, "sigma_high": high, "theta": middle - 1}
        if found := listed_edition(history, market, good):
            law = next(f for f in fit_shares(found[2].drop(REST).to_numpy()) if f.law == "frechet")
            row |= {"source": found[0], "year": found[1], "kappa": law.parameter, "kappa_se": law.error,
                    "log_cost_sd": float(log_cost_spread(law.parameter, middle - 1)) if middle > 1 else np.nan}
        curve = {float(q): f.value for (q,), f in costs.under(market.name, good, "cost_curve").items()}
        if curve:
            line = linregress(np.log(list(curve.values())), np.log(-np.log1p(-np.array(list(curve)))))
            row |= {"curve_theta": line.slope, "curve_theta_se": line.stderr, "sigma_of_curve": line.slope + 1}
        rows.append(row)
    columns = [*dict.fromkeys(key for row in rows for key in row)]
    return [{column: row.get(column, np.nan) for column in columns} for row in rows]


def conduct(market: fm.Market, history: pd.DataFrame, costs: Table) -> list[dict]:
    """Bounds on conduct, L elasticity / HHI, by stage: 0 is price taking, 1 Cournot among countries that each act as one seller.

    The HHI is that of the fullest edition up to the market's year, or of the market's regions with those of several countries
    unlisted. The margin L is at most the price less what is known to be paid, and at least 0: scarcity and fixed costs lie in
    it. `cournot_margin` is HHI / elasticity, the margin that Cournot would need; at 1 or more it is impossible.
    """
    slopes, margins, rows = residual_elasticities(market), benchmark_margins(market), []
    for good in market.goods:
        source, year, shares = listed_edition(history, market, good) or ("market", market.year, regional_shares(market, good))
        known = shares.drop(REST)
        index = tuple(float(v) for v in hhi_bounds(known.to_numpy(), shares[REST], cap=known.max()))
        cost, price = (costs.under(market.name, good, measure).get(("",)) for measure in ("cash_cost", "price"))
        if good in margins:
            lerner, basis = (0.0, margins[good]), MARGIN
        else:
            lerner, basis = ((0.0, 1 - cost.least / price.most), COSTS) if cost and price else ((0.0, 1.0), NO_COST)
        low, high = conduct_bounds(lerner, slopes[good], (index[0], index[1]))
        needed = index[0] / slopes[good][1], index[1] / slopes[good][0]
        rows.append({"stage": good, "horizon": market.horizon, "hhi_low": index[0], "hhi_high": index[1], "hhi_source": source,
                     "hhi_year": year, "elasticity_low": slopes[good][0], "elasticity_high": slopes[good][1], "margin_low": lerner[0],
                     "margin_high": lerner[1], "margin_basis": basis, "conduct_low": low, "conduct_high": high,
                     "cournot_margin_low": needed[0], "cournot_margin_high": needed[1], "reading": reading(high, needed)})
    return rows


def listed_edition(history: pd.DataFrame, market: fm.Market, good: str) -> tuple[str, int, pd.Series] | None:
    """The fullest edition of a stage up to the market's year, of equals the market's own source; none where none lists four suppliers."""
    rows = history[(history["stage"] == good) & (history["year"] <= market.year)]
    if rows.empty:
        return None
    figures = market.figures[(market.figures["variable"] == "output0") & (market.figures["good"] == good)]
    main = figures.groupby("source")["value"].sum().idxmax()
    own = next((s for s in rows["source"].unique() if main.endswith(s)), "")
    found = edition(history, good, market.year, own)
    return found if (found[2].drop(REST) > 0).sum() >= FEWEST else None


def reading(conduct_high: float, cournot_margin: tuple[float, float]) -> str:
    """What the bounds allow to be said."""
    if cournot_margin[0] >= 1:
        return "no Cournot equilibrium: demand is too rigid"
    return "less than Cournot" if conduct_high < 1 else "Cournot not refused"


def residual_elasticities(market: fm.Market) -> dict[str, tuple[float, float]]:
    """Low and high elasticity of the demand that the producers of each good face together, by good.

    Downstream first: final demand's own elasticity; what processors buy has, with recipe a, price p of the input, P and m of
    the output and its margin, e its demand and s its supply elasticity to the margin, s e a p / (m e + s P) (Marshall's derived
    demand at fixed proportions); recycled tonnes answer too and count on the demand side. Rises in every elasticity, so
    low ends give the low end. World sums and means weighted by output; gate prices throughout.
    """
    data, result = market.dataset, {}
    output, price, final, secondary = (data[v].transpose("good", "region").values for v in
                                       ("output0", "price0", "final_demand0", "secondary0"))
    made, mean = output.sum(axis=1), np.nansum(output * price, axis=1) / output.sum(axis=1)
    bought = (data["recipe"] * data["output0"]).sum("region").transpose("good", "input").values  # [output, input], t/yr
    margin = mean - bought @ mean / made
    for g, good in reversed(list(enumerate(market.goods))):
        ends = []
        for end in (0, 2):
            total = final[g].sum() * elasticity(market, "demand_elasticity", good)[end]
            total += secondary[g].sum() * elasticity(market, "secondary_elasticity", good)[end]
            for h in np.flatnonzero(bought[:, g]):
                demand, supply = result[market.goods[h]][end // 2], elasticity(market, "supply_elasticity", market.goods[h])[end]
                cost = bought[h, g] / made[h] * mean[g]
                total += bought[h, g] * supply * demand * cost / (margin[h] * demand + supply * mean[h])
            ends.append(float(total / made[g]))
        result[good] = (ends[0], ends[1])
    return result


def benchmark_margins(market: fm.Market) -> dict[str, float]:
    """Of each processed good, what its makers keep over inputs, over their price, weighted by revenue."""
    data, found = market.dataset, fm.solve(market).dataset
    processed = [g for g in market.goods if float(data["recipe"].sel(good=g).sum()) > 0]
    money = {g: (data["output0"].sel(good=g) * found["margin"].sel(good=g)).sum() / (data["output0"] * data["price0"]).sel(good=g).sum()
             for g in processed}
    return {g: float(v) for g, v in money.items()}


def regional_shares(market: fm.Market, good: str) -> pd.Series:
    """Benchmark shares of a good by region; regions of several countries (EU27 and ROW) are unlisted."""
    output = market.dataset["output0"].sel(good=good).to_series()
    share = output / output.sum()
    listed = share.drop([r for r in ("EU27", "ROW") if r in share])
    return pd.concat([listed[listed > 0], pd.Series({REST: max(0.0, 1 - listed.sum())})])


def elasticity(market: fm.Market, variable: str, good: str) -> tuple[float, float, float]:
    """Low, central and high value of an elasticity of a good: over its rows, the least low, the mean and the largest high."""
    names = (variable, f"{variable}_{market.horizon}")
    rows = market.figures[market.figures["variable"].isin(names) & (market.figures["good"] == good)]
    if rows.empty:
        return (0.0, 0.0, 0.0)
    low, high = rows["low"].fillna(rows["value"]), rows["high"].fillna(rows["value"])
    return float(low.min()), float(rows["value"].mean()), float(high.max())


def entry_weights(market: fm.Market, history: pd.DataFrame) -> list[dict]:
    """Sourcing weights assumed for latent plants beside the share that one more supplier has under the best law of shares.

    A weight is a share of what one destination buys, the law's a share of the world: a plant that sells to few has a weight above
    its world share. The law knows nothing of home bias, size or policy: it says what the typical newcomer of this trade would sell.
    """
    rows = market.figures[market.figures["variable"] == "latent_route_weight"]
    found = []
    for good in dict.fromkeys(rows["good"]):
        if not (listed := listed_edition(history, market, good)):
            continue
        source, year, shares = listed
        law = fit_shares(shares.drop(REST).to_numpy())[0]
        for _, row in rows[rows["good"] == good].iterrows():
            found.append({"stage": good, "region": row["region"], "destination": row["partner"], "assumed": row["value"],
                          "assumed_low": row["low"], "assumed_high": row["high"], "law": law.law, "law_low": law.next_share[0],
                          "law_median": law.next_share[1], "law_high": law.next_share[2], "source": source, "year": year})
    return found
