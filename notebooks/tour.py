"""A tour of floormodel as a marimo notebook; also a plain script: `python notebooks/tour.py`."""

import marimo

app = marimo.App(width="medium")


@app.cell
def load():
    import floormodel as fm

    market = fm.load_market("rare_earths", horizon="long")
    bloc = market.bloc("allies")  # USA, EU27, JPN, KOR
    print(market.title, "|", market.basis, "|", fm.list_policies())
    return bloc, fm, market


@app.cell
def change_a_floor(bloc, fm, market):
    floors = {f"{level} USD/kg": [fm.PriceFloor(good="ndpr_oxide", members=bloc, price=1000.0 * level)] for level in (70, 90, 110)}
    runs = fm.compare(market, floors)
    print(runs.summary())
    prices = runs.plot.prices()
    return prices, runs


@app.cell
def change_an_elasticity(bloc, fm, market):
    stiff = market.replace(sourcing_elasticity=market.dataset["sourcing_elasticity"] / 2)
    floor = [fm.PriceFloor(good="ndpr_oxide", members=bloc, price=110_000)]
    for _name, _variant in (("central", market), ("half the sourcing elasticity", stiff)):
        _row = fm.solve(_variant, floor).indicators().select("bloc_output", "ndpr_oxide").iloc[0]
        print(f"{_name}: the bloc adds {_row['change']:,.0f} t of oxide")
    return (floor,)


@app.cell
def change_a_membership(fm, market):
    wider = {"allies": market.bloc("allies"), "wider": market.bloc("plurilateral")}
    for _name, _members in wider.items():
        _run = fm.solve(market, [fm.PriceFloor(good="ndpr_oxide", members=_members, price=110_000)])
        _revenue = _run.indicators().select("producer_revenue", "ndpr_oxide", "MYS").iloc[0]
        print(f"{_name}: producers in Malaysia earn {_revenue['change'] / 1e6:+.0f} million USD a year")
    return


@app.cell
def explain(fm, floor, market):
    draws = fm.solve(fm.sample(market, 200, seed=7), floor)
    accounts = draws.accounts().groupby(["region", "owner", "draw"])["value"].sum().groupby(["region", "owner"]).median() / 1e6
    print("Who gains and who pays, million USD a year (median of 200 draws):")
    print(accounts.round(1).unstack("owner").fillna(0).to_string())
    print("Share of draws solved:", draws.converged.mean(), "| identities:", draws.identities())
    return


if __name__ == "__main__":
    app.run()
