"""What the brief on rapid response says in words: headlines and answers, every number read from the results."""

from __future__ import annotations

import numpy as np

from experiments.rapid_response_results import (
    BOTH,
    BUY_BACK,
    COVER,
    FILL,
    LENGTH,
    LENGTHS,
    NATIONAL,
    NONE,
    PACES,
    POOLED,
    RESTRAINT,
    SHARED,
    UNFORESEEN,
    Rapid,
    chance_from,
)
from experiments.rapid_response_variants import BASE, CHOKES, RAW, WHOLE
from experiments.rapid_response_words import QUARTERS, chance, gain, million, times
from experiments.words import lower_first, number, quantiles, says, span, verdict
from floormodel.report.brief import Headline
from floormodel.report.labels import good_name, region_name

SMALL = 30  # days of national stocks that a pool is measured against
LITTLE = 0.01  # of the benchmark price: a difference of peaks below it is none


def says_who(label: str) -> str:
    """`Only JPN is cut off` with the country's name."""
    words = label.split(" ")
    return " ".join([words[0], region_name(words[1]), *words[2:]]) if words[0] == "Only" else label


def headlines(r: Rapid) -> list[Headline]:
    half = QUARTERS[LENGTH]
    out = [Headline(times(r.peak(NONE)), f"the benchmark price at the peak of a stop of {half} and the buying back after it, users' stocks "
                                         "alone"),
           Headline(times(r.peak(NATIONAL)), f"with national stocks of {COVER} days, if holders foresee the length",
                    f"pooled {times(r.peak(POOLED))}; if all expect a year, {times(unforeseen(r, NATIONAL))}"),
           Headline(chance(r.break_even(NATIONAL)), "yearly chance of such a stop from which national stocks pay",
                    f"pooled: {chance(r.break_even(POOLED))}")]
    if r.made:
        out.append(Headline(f"{number(factor(r))} times", f"the loss, if {good_name(r.made)} stop as well: stocks of both then pay from a "
                            f"chance of {chance(both_pay(r))}", f"central values; hangs on demand that ends at {choke(r)} times the price, "
                            f"an assumption; both stocks cost {million(r.both())} a year"))
    return [*out, Headline(span(*quantiles(r.yearly() / r.stock()), "USD"), "cost of a tonne in stock for a year",
                           f"interest and storage {span(*quantiles(r.tonne_year()), '')}, the rest is interest on what filling cost")]


def answers(r: Rapid) -> list[str]:
    return [f"**Do stocks soften a stop? (P11)** {soften(r)}", f"**Is a pool better than national stocks?** {pool(r)}",
            f"**Does every member gain from pooling?** {each(r)}", f"**Does restraint help?** {restraint(r)}",
            f"**How much cover is enough?** {enough(r)}", f"**Is a stock worth its cost?** {pays(r)}",
            *([f"**And if {good_name(r.made)} stop as well?** {products(r)}"] if r.made else []),
            f"**And producing countries?** {producers(r)}", f"**When does the answer flip?** {turns(r)}"]


def unforeseen(r: Rapid, arm: str) -> np.ndarray:
    return r.others[UNFORESEEN, arm].peak(r.case.good, r.members)


def choke(r: Rapid) -> str:
    """Times the benchmark price at which demand ends."""
    return f"{float(np.nanmax(r.market.dataset['choke_factor'].sel(good=r.case.good).values)):g}"


def factor(r: Rapid) -> float:
    """Loss with users' stocks alone where products stop as well, over that where they do not; central values."""
    return r.central(WHOLE, "users", "loss") / r.central(BASE, "users", "loss")


def both_pay(r: Rapid) -> np.ndarray:
    """Yearly chance from which stocks of both pay where products stop as well; gains at central values."""
    return chance_from(r.both(), np.full_like(r.both(), r.central(WHOLE, "apart", "avoided")))


def soften(r: Rapid) -> str:
    parts = []
    for n in LENGTHS[1:]:
        parts.append(f"In a stop of {QUARTERS[n]} the price peaks at {times(r.peak(NONE, n))} the benchmark with users' stocks alone, at "
                     f"{times(r.peak(NATIONAL, n))} with national stocks; use is {says(r.below(NONE, n), 'share')} and "
                     f"{says(r.below(NATIONAL, n), 'share')} below the benchmark's")
    less = 1 - (quantiles(r.peak(NATIONAL))[1] - 1) / max(quantiles(r.peak(NONE))[1] - 1, 1e-9)
    word = verdict(less, 0.1, 0.7, ("No, prices rise", "Little", "In part", "Yes, while they last"))
    stop, late = quantiles(r.peak(NATIONAL, during="stop"))[1], quantiles(r.peak(NATIONAL))[1]
    after = (f" With stocks the highest price comes after the stop, when they are bought back: during it national stocks hold the price "
             f"at {times(r.peak(NATIONAL, during='stop'))}, a pool at {times(r.peak(POOLED, during='stop'))}."
             if late > stop + LITTLE else "")
    left = r.others[UNFORESEEN, NATIONAL].loss(r.members)
    return (f"{word}, if holders foresee its length. {'. '.join(parts)}.{after} Holders stretch their stocks over {QUARTERS[2]}: a longer "
            f"stop meets empty stores. If all expect a year and it lasts {QUARTERS[LENGTH]}, the price peaks at "
            f"{times(unforeseen(r, NONE))} with users' stocks alone and {times(unforeseen(r, NATIONAL))} with national stocks, and members "
            f"with national stocks lose {million(left)} instead of {million(r.at(NATIONAL).loss(r.members))}: stores are not empty when it "
            "ends.")


def pool(r: Rapid) -> str:
    lower = r.peak(NATIONAL) - r.peak(POOLED)
    more = r.avoided(POOLED) - r.avoided(NATIONAL)
    small = abs(quantiles(lower)[1]) < LITTLE
    first = (f"It does not lower the peak of the whole episode (by {span(*quantiles(lower), '')} of the benchmark price)" if small else
             f"It lowers the peak of the whole episode by {span(*quantiles(lower), '')} of the benchmark price")
    sooner = quantiles(r.peak(POOLED, 4))[1] > quantiles(r.peak(NATIONAL, 4))[1]
    v = [label for label in r.variants["variant"].unique() if label.startswith("Only ")]
    parts = [f"{lower_first(says_who(x))}: peak {number(r.central(x, 'apart', 'peak'))} times the benchmark there with its own stock, "
             f"{number(r.central(x, 'pooled', 'peak'))} with the pool" for x in v]
    one = f" At central values, {'; '.join(parts)}." if parts else ""
    empty = ", for it is empty sooner" if sooner else ""
    return (f"{first}. It avoids {million(more)} more in a stop of {QUARTERS[LENGTH]}, for it sends tonnes where they are missing, and a "
            f"pool of {says(equal_cover(r), 'number')} days avoids as much as national stocks of {SMALL} days. Parts by equal shortfalls "
            f"of use instead of by losses change that by {million(r.avoided(SHARED) - r.avoided(POOLED))}. In a stop of {QUARTERS[4]} its "
            f"price peaks at {times(r.peak(POOLED, 4))}{empty}.{one}")


def each(r: Rapid) -> str:
    more = {m: r.avoided(POOLED, who=(m,)) - r.avoided(NATIONAL, who=(m,)) for m in r.members}
    losing = [m for m in r.members if quantiles(more[m])[1] < 0]
    lead, share = next(iter(r.weight().items()))
    worst = max(r.members, key=lambda m: quantiles(r.peak(NATIONAL, who=(m,)))[1])
    word = f"No: not {', '.join(region_name(m) for m in losing)}" if losing else "Yes"
    return (f"{word}, in the median draw. Pooled instead of apart, in million USD: "
            f"{', '.join(f'{region_name(m)} {gain(more[m])}' for m in r.members)}. {region_name(lead)} is {number(100 * share)} % of the "
            f"members' use, so that figures for the members are mostly its own. With national stocks the price peaks highest in "
            f"{region_name(worst)}, at {times(r.peak(NATIONAL, who=(worst,)))}; pooled, at {times(r.peak(POOLED, who=(worst,)))}. Tonnes "
            "of a pool are settled at the benchmark price, and who got them buys them back.")


def equal_cover(r: Rapid) -> np.ndarray:
    """Days of a pool that avoid as much as national stocks of SMALL days (draws,)."""
    target = r.avoided(NATIONAL, LENGTH, SMALL)
    gains = np.stack([r.avoided(POOLED, LENGTH, d) for d in r.covers], axis=1)
    gains = np.maximum.accumulate(np.concatenate([np.zeros((len(gains), 1)), gains], axis=1), axis=1)
    days = np.array([0.0, *r.covers])
    return np.array([np.interp(t, g, days) if np.isfinite(t) and np.isfinite(g).all() and t <= g[-1] else np.nan
                     for t, g in zip(target, gains)])


def restraint(r: Rapid) -> str:
    more = quantiles(r.below(RESTRAINT))[1] > quantiles(r.below(NONE))[1]
    worth = r.avoided(RESTRAINT)
    word = "It lowers the price and costs more than it brings" if quantiles(worth)[1] < 0 else "Yes, if the least valued uses go"
    return (f"{word}. Members that hold back {says(r.values['restraint'], 'share')} of final use of {good_name(r.case.good)} and of what "
            f"is made of it bring the peak of a stop of {QUARTERS[LENGTH]} from {times(r.peak(NONE))} to {times(r.peak(RESTRAINT))} the "
            f"benchmark; with a pool, to {times(r.peak(BOTH))}. Their use is then {says(r.below(RESTRAINT), 'share')} below the "
            f"benchmark's instead of {says(r.below(NONE), 'share')}{': more than the price would have taken' if more else ''}. If the "
            f"uses that are worth least are held back, it changes the members' loss by {million(-worth)}; if all uses are held back alike, "
            f"by {million(-r.avoided(RESTRAINT, alike=True))}. On top of a pool it changes the loss by "
            f"{million(r.avoided(POOLED) - r.avoided(BOTH))} at best. Nothing is shared between members by it: the market does that by "
            "price, a pool by its parts.")


def enough(r: Rapid) -> str:
    if quantiles(r.avoided(NATIONAL, LENGTH, r.covers[-1]))[1] <= 0:
        return "Net of buying back, none avoids a loss in the median draw."
    words = [f"{span(*quantiles(days_for(r, arm, 0.9)), 'days')} in {lower_first(arm)}" for arm in (NATIONAL, POOLED)]
    return (f"Nine tenths of what {r.covers[-1]} days avoid in a stop of {QUARTERS[LENGTH]} are reached with "
            f"{' or '.join(words)}. Beyond what is lost in the quarters over which stocks are stretched, more days add nothing but "
            f"their cost; a longer stop needs more: in a stop of {QUARTERS[4]}, "
            f"{span(*quantiles(days_for(r, NATIONAL, 0.9, 4)), 'days')} in national stocks.")


def days_for(r: Rapid, arm: str, share: float, quarters: int = LENGTH) -> np.ndarray:
    """Days at which a share of the loss that the largest cover avoids is avoided (draws,)."""
    gains = np.maximum.accumulate(np.stack([r.avoided(arm, quarters, d) for d in r.covers], axis=1), axis=1)
    return np.array([np.interp(share * g[-1], [0.0, *g], [0.0, *r.covers]) if np.isfinite(g).all() and g[-1] > 0 else np.nan
                     for g in gains])


def pays(r: Rapid) -> str:
    parts = [f"{QUARTERS[n]}: {chance(r.break_even(NATIONAL, n))} apart, {chance(r.break_even(POOLED, n))} pooled" for n in LENGTHS]
    quick, slow = PACES
    return (f"{COVER} days cost {million(r.yearly())} a year, {span(*quantiles(r.yearly() / r.stock()), 'USD')} per tonne and year: "
            f"{million(r.stock() * r.tonne_year())} of interest and storage, and interest on what filling cost. Buying so much over "
            f"{FILL} years raises the members' price by {says(r.fill_price(), 'share')} on average and costs them "
            f"{million(-r.filled(r.members))} beyond the worth of the stock. Filled within {QUARTERS[4 * quick]} the stock costs "
            f"{million(r.yearly(years=quick))} a year, over {slow} years {million(r.yearly(years=slow))}, and {million(r.yearly(years=0))} "
            f"if all responses were those of the long run. It pays from this yearly chance of a stop, by its length: {'; '.join(parts)}. "
            f"Buying back, over {BUY_BACK / 4:g} years, is counted.")


def products(r: Rapid) -> str:
    made, name, central = good_name(r.made), good_name(r.case.good), r.central
    short = {key: number(100 * central(*key, "below")) for key in ((WHOLE, "users"), (RAW, "apart"), (WHOLE, "apart"))}
    whole, alone, saved = (number(x / 1e6) for x in (central(WHOLE, "users", "loss"), central(BASE, "users", "loss"),
                                                     central(WHOLE, "apart", "avoided")))
    known = set(r.variants["variant"])
    others = [f"{number(central(v, 'apart', 'avoided') / 1e6)} million where it ends at {x:g} times" for x in CHOKES
              if (v := f"{WHOLE}, demand ends at {x:g} times") in known]
    return (f"At central values the loss with users' stocks alone is {number(factor(r))} times as large, {whole} million USD instead of "
            f"{alone}. Use of {made} is then {short[WHOLE, 'users']} % below the benchmark's with users' stocks alone, "
            f"{short[RAW, 'apart']} % with public stocks of {name}, which plants at home cannot turn into enough {made}, and "
            f"{short[WHOLE, 'apart']} % with stocks of both: a stock protects the stage at which it is held. National stocks of {COVER} "
            f"days of both cost {million(r.both())} a year, avoid {saved} million USD a stop and pay from a yearly chance of "
            f"{chance(both_pay(r))}. That rests on demand that ends at {choke(r)} times the benchmark price, an assumption"
            f"{': ' + ', '.join(others) if others else ''}. Such stocks do not fit {made} made to order.")


def producers(r: Rapid) -> str:
    others = [x for x in r.market.regions if x not in r.members and x != r.case.supplier]
    now = {x: quantiles(r.avoided(NATIONAL, who=(x,)))[1] for x in others}
    most = sorted((x for x in others if now[x] < 0), key=lambda x: now[x])[:3]
    taken = -quantiles(r.avoided(NATIONAL, who=others))[1] / max(quantiles(r.avoided(NATIONAL))[1], 1e-9)
    part = (f"{number(100 * taken)} % of what stocks avoid for the members is taken from other countries" if taken > 0 else
            "Other countries gain as well")
    return (f"{part}, whose prices they hold down. In a stop of {QUARTERS[LENGTH]} national stocks change, in million USD: members "
            f"{gain(r.avoided(NATIONAL))}, other countries {gain(r.avoided(NATIONAL, who=others))}"
            f"{' (' + ', '.join(f'{region_name(x)} {gain(r.avoided(NATIONAL, who=(x,)))}' for x in most) + ')' if most else ''}, "
            f"{region_name(r.case.supplier)} {gain(r.avoided(NATIONAL, who=(r.case.supplier,)))}, the world "
            f"{million(r.avoided(NATIONAL, who=r.market.regions))}. Filling goes the other way: other countries "
            f"{gain(r.filled(others))}, {region_name(r.case.supplier)} {gain(r.filled((r.case.supplier,)))}, once.")


def turns(r: Rapid) -> str:
    v = r.variants
    base = r.central(BASE, "apart", "avoided")
    apart = v[v["arm"] == "apart"].set_index("variant")["avoided"].drop(BASE)
    apart = apart[[not str(k).startswith(WHOLE + ",") for k in apart.index]]  # where demand ends is told with the products
    none = [lower_first(says_who(str(k))) for k in apart.index[apart <= 0]]
    more = [lower_first(says_who(str(k))) for k in apart.index[apart > 2 * base]]
    less = [lower_first(says_who(str(k))) for k in apart.index[(apart < 0.6 * base) & (apart > 0)]]
    out = []
    if none:
        out.append(f"nothing, net of buying back, where {'; '.join(none)}")
    if less:
        out.append(f"less than six tenths where {'; '.join(less)}")
    if more:
        out.append(f"more than twice as much where {'; '.join(more)}")
    text = f"At central values national stocks avoid {number(base / 1e6)} million USD; {', and '.join(out)}." if out else (
        "None of the other assumptions tried takes four tenths off what stocks avoid or doubles it.")
    late, foreseen = (quantiles(x)[1] / 1e6 for x in (r.others[UNFORESEEN, NATIONAL].loss(r.members), r.at(NATIONAL).loss(r.members)))
    return (f"{text} If all expect a year, what members with national stocks lose rises from {number(foreseen)} to {number(late)} million "
            "USD, in the median draw.")
