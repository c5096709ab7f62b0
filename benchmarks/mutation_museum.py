"""Hand-written economic faults: what no generic operator produces. Each is a name, a file, and text that stands there once and its
replacement; several files where a fault is consistent across them."""

from __future__ import annotations

KERNEL, POLICY = "equilibrium/", "policies/"
BOOK, ACCOUNTS, STATE, WEDGES = "booking.py", "accounts.py", KERNEL + "state.py", KERNEL + "wedges.py"
BENCHMARK, CHARGES, ROWS = KERNEL + "benchmark.py", KERNEL + "charges.py", KERNEL + "rows.py"
FIGURES = "    raw[\"price0\"] = price0\n"  # the figures have been read, nothing is derived yet

MUSEUM: list[tuple[str, list[tuple[str, str, str]]]] = [
    # curves and elasticities, wrong in the same way everywhere
    ("demand elasticity inverted", [
        (BENCHMARK, FIGURES, FIGURES + "    raw['demand_elasticity'] = 1 / np.maximum(raw['demand_elasticity'], .05)\n")]),
    ("demand elasticity doubled", [(BENCHMARK, FIGURES, FIGURES + "    raw['demand_elasticity'] = 2 * raw['demand_elasticity']\n")]),
    ("supply elasticity inverted", [
        (BENCHMARK, FIGURES, FIGURES + "    raw['supply_elasticity'] = 1 / np.maximum(raw['supply_elasticity'], .05)\n")]),
    ("sourcing elasticity plus one", [(BENCHMARK, FIGURES, FIGURES + "    raw['sourcing_elasticity'] = 1 + raw['sourcing_elasticity']\n")]),
    ("choke factor halved", [(BENCHMARK, FIGURES, FIGURES + "    raw['choke_factor'] = raw['choke_factor'] / 2\n")]),
    ("recipe transposed in use", [(STATE, "np.swapaxes(c.recipe, -1, -2) @ output", "c.recipe @ output")]),
    ("input cost added instead of subtracted", [
        (STATE, "return net - c.recipe @ at.buyer_price", "return net + c.recipe @ at.buyer_price")]),
    ("inputs at the gate price at home", [(STATE, "return net - c.recipe @ at.buyer_price", "return net - c.recipe @ at.price")]),
    ("royalty on hidden value too", [(BENCHMARK, "1 - raw[\"royalty0\"] * (1 - raw[\"under_invoicing\"])", "1 - raw[\"royalty0\"]")]),
    ("guarantee free of royalty", [
        (STATE, "net = (at.price + guarantee) * c.kept + c.added", "net = at.price * c.kept + guarantee + c.added")]),
    ("recycled tonnes answer to no price", [(STATE, "np.exp(c.secondary_elasticity * log_price)", "np.exp(0 * log_price)")]),
    ("rationed demand is served", [(STATE, "final = wanted * served", "final = wanted")]),
    ("capacity ignored", [(STATE, "made = np.where(limited, made - over, made)", "made = np.where(limited, made, made)")]),
    ("price index of another power under ces", [(KERNEL + "sourcing.py", "    k = 1 - sigma\n", "    k = -sigma\n")]),
    ("latent project ignores its unit cost", [
        (KERNEL + "curves.py", "    x = (margin - unit_cost) / scale\n", "    x = margin / scale\n")]),
    # from the gate to the buyer
    ("ad valorem rates add instead of compounding", [
        (WEDGES, "Landed(border, border * import_factor + import_levy,",
         "Landed(border, border + price[..., :, None] * (import_factor - 1) + import_levy,")]),
    ("import rate on the price without freight", [
        (WEDGES, "Landed(border, border * import_factor + import_levy,",
         "Landed(border, (border - freight) * import_factor + freight + import_levy,")]),
    ("export rate on the price without the levy", [
        (WEDGES, "(price[..., :, None] + export_levy) * export_factor + freight",
         "price[..., :, None] * export_factor + export_levy + freight")]),
    ("export rate on freight too", [
        (WEDGES, "(price[..., :, None] + export_levy) * export_factor + freight",
         "(price[..., :, None] + export_levy + freight) * export_factor")]),
    ("floor top-up halved", [
        (WEDGES, "Landed(at.border, at.landed + value, value,", "Landed(at.border, at.landed + value / 2, value / 2,")]),
    ("duties in force do not count towards a floor", [(WEDGES, "at.landed if floor.duty_paid else at.border", "at.border")]),
    ("undertaking free of the import rate", [(WEDGES, "at.landed + kept * factor, at.levied", "at.landed + kept, at.levied")]),
    ("top-ups of several floors: the smaller", [
        (WEDGES, "wins = floor.mask & (np.real(value) > np.real(best))\n",
         "wins = floor.mask & ((np.real(value) < np.real(best)) | (held is at))\n")]),
    ("duty cap ignored", [(WEDGES, "    return gap - over, over_slope - slope\n", "    return gap, -slope\n")]),
    ("evasion of undertakings", [(CHARGES, "wedge = at.levied + added", "wedge = at.levied + at.kept + added")]),
    ("evasion of duties that stood before", [(CHARGES, "added = factor - factor0", "added = factor - 1")]),
    ("evading is free", [(CHARGES, "e.most * area, gain", "e.most * part * wedge, gain")]),
    ("evaded tonnes pay all the same", [
        (BOOK, "paying: Array | float = 1.0 if evaded is None else 1 - evaded", "paying: Array | float = 1.0")]),
    ("cost of evading not booked", [
        (CHARGES, "return moved, share, share * np.where(np.real(wedge) > 0, wedge, 0.0) - gain", "return moved, share, 0 * share")]),
    ("delay earns instead of costing", [
        (BOOK, "terms.freight[:, g] + terms.delay[:, g]", "terms.freight[:, g] - terms.delay[:, g]"),
        (WEDGES, "border = border + delay *", "border = border - delay *")]),
    ("delay is the exporter's revenue", [
        (BOOK, "terms.freight[:, g] + terms.delay[:, g] * s.price[:, g, :, None]", "terms.freight[:, g] + 0 * s.price[:, g, :, None]"),
        (BOOK, "charge = levy + rate * (s.price[:, g, :, None] + total)",
         "charge = levy + rate * (s.price[:, g, :, None] + total) + terms.delay[:, g] * s.price[:, g, :, None]")]),
    # content duties and rebates
    ("rebate raises the export charge", [(STATE, "export_levy[:, g] - back", "export_levy[:, g] + back")]),
    ("rebate is given on imports", [
        (STATE, "export_levy[:, g] - back", "export_levy[:, g]"),
        (STATE, "import_levy[:, g] + paid", "import_levy[:, g] + paid - back")]),
    ("neutral rule forgets the benchmark gap", [
        (STATE, "(buyer[:, h, None, :] - there[:, :, None]) - (at.buyer_price0[:, h, None, :] - there0[:, :, None])",
         "buyer[:, h, None, :] - there[:, :, None] + 0 * there0[:, :, None]")]),
    ("gap of the wrong side", [
        (STATE, "(level - there)[:, :, None], (*there.shape, there.shape[1])",
         "(level - there)[:, None, :], (*there.shape, there.shape[1])")]),
    ("content of direct inputs only", [(POLICY + "content.py", "full[:, good, made_with])", "recipe[:, good, made_with])")]),
    ("content of the input in itself reversed", [(POLICY + "content.py", "full[:, good, made_with])", "full[:, made_with, good])")]),
    ("content duty paid by the origin", [(BOOK, "np.zeros(1)) * paying * q).sum(1)", "np.zeros(1)) * paying * q).sum(2)")]),
    # who is paid
    ("import duty to the exporter", [(BOOK, "((standing + paying * added) * q).sum(1)", "((standing + paying * added) * q).sum(2)")]),
    ("export charge to the importer", [(BOOK, "(charge * q * abroad).sum(-1)", "(charge * q * abroad).sum(1)")]),
    ("floor levy to the exporter", [(BOOK, "lines[account][:, g] += (rent * q).sum(1)", "lines[account][:, g] += (rent * q).sum(2)")]),
    ("undertaking kept by the importer", [(BOOK, "(at.kept * q).sum(-1)", "(at.kept * q).sum(1)")]),
    ("quota rent to the other side", [
        (POLICY + "export_quota.py", '{"exporter": own[:, None], "destination": own[None, :]}',
         '{"exporter": own[None, :], "destination": own[:, None]}')]),
    ("licence rent to the other side", [
        (POLICY + "base.py", '{"exporter": own[:, None], "destination": own[None, :]}',
         '{"exporter": own[None, :], "destination": own[:, None]}')]),
    ("licences given to importers earn exporters", [
        (POLICY + "licences.py", '"destination" if licences == "importer"', '"exporter" if licences == "importer"')]),
    ("rent within a quota and levy beyond it exchanged", [
        (BOOK, "((1 - within) * rent * q)", "(within * rent * q)"),
        (BOOK, "within * rent, q, np.asarray", "(1 - within) * rent, q, np.asarray")]),
    ("full duty within a tariff-rate quota is the treasury's", [
        (POLICY + "tariff_rate_quota.py", "licensed=np.array([quota])", "licensed=None")]),
    ("levy within a variable-levy quota is the treasury's", [
        (POLICY + "variable_levy_quota.py", "licensed=np.array([quota]), owner=owner", "licensed=None, owner=owner")]),
    ("penalty to the treasury of the origin", [(BOOK, "((charge - spent) * s.flow[g]).sum(1)", "((charge - spent) * s.flow[g]).sum(2)")]),
    ("cost of certifying ignored", [(BOOK, "return cost if extra is None else cost + extra", "return cost")]),
    ("cost of certifying is revenue", [(BOOK, "((charge - spent) * s.flow[g]).sum(1)", "(charge * s.flow[g]).sum(1)")]),
    ("dual pricing is borne by the treasury", [
        (POLICY + "dual_pricing.py", "subsidy=-at_home[home] * scale[:, None]", "subsidy=0 * at_home[home] * scale[:, None]")]),
    ("dual pricing booked as an export charge", [(BOOK, 'lines["dual_pricing"][:, g] +=', 'lines["export_charge"][:, g] +=')]),
    ("guarantee paid on benchmark output", [(BOOK, "        tonnes = made\n", "        tonnes = base\n")]),
    ("guarantee paid by the producer's own region always", [(BOOK, "int(c.payer[r]) if c.payer is not None else int(r)", "int(r)")]),
    ("volume cap ignored in payments", [(BOOK, "np.minimum(made, c.volume_cap), np.minimum(base", "made, np.minimum(base")]),
    ("cap on money as a least payment", [(BOOK, "np.minimum(paid, c.money_cap)", "np.maximum(paid, c.money_cap)")]),
    ("clawback not returned", [(BOOK, 'lines["clawback"][:, g, payer] += np.maximum', 'lines["clawback"][:, g, payer] += 0 * np.maximum')]),
    ("share of the upside added", [(STATE, "return below - c.share * above, below,", "return below + c.share * above, below,")]),
    ("budget of half the size", [(POLICY + "price_gap_subsidy.py", "np.array([1 / self.budget])", "np.array([2 / self.budget])")]),
    ("budget counts benchmark tonnes", [(ROWS, "factor * below * paid_tonnes(c, s)", "factor * below * s.benchmark.output0[:, c.good]")]),
    ("capacity rent omitted", [(BOOK, "surplus = np.where(on_curve, area, s.margin * s.output - cost)", "surplus = area")]),
    ("markup on the wrong node", [
        (BOOK, 'lines["markup_rent"] = markup(solved) * s.output',
         'lines["markup_rent"] = np.roll(markup(solved) * s.output, 1, axis=-1)')]),
    ("profit tax of no one", [(BOOK, 'profit - lines["profit_tax"] - lines["markup_rent"]', 'profit - lines["markup_rent"]')]),
    ("consumers' surplus without the tax on use", [(ACCOUNTS, "s.buyer_price + s.constants.final_tax, b.final", "s.buyer_price, b.final")]),
    ("sourcing cost forgotten in welfare", [(ACCOUNTS, "(benefit - own_cost - bought +", "(benefit - own_cost +")]),
    ("stock bought is worth nothing", [
        (BOOK, 'lines["stock_value"][:, g] += np.where(money != 0, value, 0.0)', 'lines["stock_value"][:, g] += 0 * value')]),
    ("stock valued at what it cost", [
        (BOOK, "(np.minimum(s.landed[g].landed, b.landed_price0[:, g]) * routes)", "(s.landed[g].landed * routes)")]),
    ("public purchases paid at the gate price", [
        (BOOK, "money = (s.landed[g].landed * routes).sum(1)", "money = (s.price[:, g, :, None] * routes).sum(1)")]),
    ("undertaking rent named treasury money", [(ACCOUNTS, '"undertaking_rent": "rent_holders"', '"undertaking_rent": "treasury"')]),
    ("quota rent named treasury money", [(ACCOUNTS, '"quota_rent": "rent_holders"', '"quota_rent": "treasury"')]),
    ("licence rent named treasury money", [(ACCOUNTS, '"licence_rent": "rent_holders"', '"licence_rent": "treasury"')]),
    ("the interest of a prepayment earns its payer", [
        (BOOK, '[:, t.good, t.payer] -= t.amount', '[:, t.good, t.payer] += t.amount')]),
    ("levies on use and preferences booked where tonnes come from", [
        (BOOK, "* u.charge * s.flow[g]).sum(1)", "* u.charge * s.flow[g]).sum(2)")]),
    ("a least flow makes buyers pay more", [(POLICY + "offtake.py", "charge=route * -scale[:", "charge=route * scale[:")]),
    ("price of an offtake on all output", [(POLICY + "offtake.py", "np.eye(size), self.volume,", "np.eye(size), None,")]),
    # sellers, credits
    ("conduct over all firms forgotten", [(KERNEL + "conduct.py", "s.conduct / s.firms for", "s.conduct for")]),
    ("seller maximises revenue", [
        (KERNEL + "conduct.py", "(margin - cost, s.output, margin * s.output - spent)", "(margin, s.output, margin * s.output)")]),
    ("seller keeps the royalty", [(KERNEL + "conduct.py", "((s.price + s.guarantee) * s.constants.kept)", "(s.price + s.guarantee)")]),
    ("credit share of the wrong sign", [(ROWS, "have[:, :, None] - c.share, 0.0) / tonnes", "c.share - have[:, :, None], 0.0) / tonnes")]),
    ("certified tonnes earn the cost, not the price", [(CHARGES, "due[:, None, :] - area[:, :, None]", "due[:, None, :] - spent")]),
    # instruments
    ("floor on domestic sales", [
        (POLICY + "price_floor.py", "taxed, level = routes(~members & ~exempt, members)",
         "taxed, level = (~exempt)[:, None] & members[None] & (routes(~members, members) | np.eye(len(members), dtype=bool))")]),
    ("floor among members", [
        (POLICY + "price_floor.py", "taxed, level = routes(~members & ~exempt, members)", "taxed, level = routes(~exempt, members)")]),
    ("floor on members' exports", [
        (POLICY + "price_floor.py", "taxed, level = routes(~members & ~exempt, members)",
         "taxed, level = routes(members, ~members & ~exempt)")]),
    ("adjustable duty holds the price abroad", [
        (POLICY + "price_floor.py", "made = np.where(members, b.output0[:, good], 0.0)\n        live",
         "made = np.where(~members, b.output0[:, good], 0.0)\n        live")]),
    ("charges at home too", [(POLICY + "base.py", "    np.fill_diagonal(out, False)\n", "")]),
    ("tariff inside the customs area", [
        (POLICY + "import_tariff.py", "origins = ~importers if self.origins is None",
         "origins = np.ones(len(importers), bool) if self.origins is None")]),
    ("a charge in force is not replaced", [
        (KERNEL + "terms.py", '(("import_rate", self.benchmark.import_rate0, rate)',
         '(("import_rate", 0 * self.benchmark.import_rate0, rate)')]),
    ("quota on output", [
        (POLICY + "export_quota.py", "flow=-(limited[None] / self.quota)", "output=-(limited.any(1)[None] / self.quota)")]),
    ("quota always met", [
        (POLICY + "export_quota.py", "scale, np.zeros(1), np.full(1, np.inf)", "scale, np.full(1, -np.inf), np.full(1, np.inf)")]),
    ("licences granted by what was shipped in the benchmark", [
        (KERNEL + "licences.py", "free.flow[licence.good], 0.0)", "terms.benchmark.flow0[:, licence.good], 0.0)")]),
    ("licences for the share refused", [(KERNEL + "licences.py", "limit = licence.share *", "limit = (1 - licence.share) *")]),
    ("share kept at home and share exported exchanged", [
        (POLICY + "domestic_processing.py", "Row(output=(1 - self.share) * at_home", "Row(output=self.share * at_home")]),
    ("licences handed out by output pay the share kept", [
        (POLICY + "domestic_processing.py", "subsidy=(1 - self.share) * np.eye", "subsidy=self.share * np.eye")]),
    ("volume kept at home ignored", [(POLICY + "domestic_supply.py", "Row(constant=-self.volume / made", "Row(constant=0 * made")]),
    ("levy always in a variable-levy quota", [
        (POLICY + "variable_levy_quota.py", "by_unknown=(0.0, 1.0, 0.0)", "by_unknown=(1.0, 0.0, 0.0)")]),
    ("duty beyond a quota instead of the difference", [
        (POLICY + "tariff_rate_quota.py", "self.levy_out - self.levy_in +", "self.levy_out +")]),
    ("flat duty on top of the entry price", [
        (POLICY + "entry_price.py", "by_unknown=(1.0, -1.0, self.max_duty)", "by_unknown=(1.0, 0.0, self.max_duty)")]),
    ("levy on use on imports only", [
        (POLICY + "buyer_collar.py", "charge=routes * scale[:", "charge=routes * (1 - np.eye(len(routes))) * scale[:")]),
    ("all of the outlay is passed through", [
        (POLICY + "buyer_collar.py", "outlay_weight=-self.pass_through / (scale * use)", "outlay_weight=-1 / (scale * use)")]),
    ("profit tax on hidden profit", [(POLICY + "mining_tax.py", "self.profit_tax * (1 - hidden)", "self.profit_tax")]),
    ("tax on processors per tonne of product", [(POLICY + "use_tax.py", "b.recipe[:, :, good, None] * tax[:, None]", "tax[:, None]")]),
    ("input subsidy per tonne of product", [
        (POLICY + "production_subsidy.py", "b.recipe[:, good, used, None, None] * per_input[:, None]", "per_input[:, None]")]),
    ("grant at once instead of over the life", [
        (POLICY + "capex_subsidy.py", "* self.hurdle / -float(np.expm1(-self.life * np.log1p(self.hurdle)))", "")]),
    ("freight can earn", [(POLICY + "corridor.py", "np.maximum(before + change, 0.0)", "before + change")]),
    ("whole electricity bill is added", [
        (POLICY + "processing_capacity.py", "(self.electricity_price_factor - 1)", "self.electricity_price_factor")]),
    ("only own tonnes are local", [(POLICY + "local_content.py", "self.regions if self.local is None else self.local", "self.regions")]),
    ("nobody can be certified anew", [
        (POLICY + "standards_market.py", "np.maximum(have, _by_region(self.potential, market, 0.0))", "have")]),
    ("price with tax taken for one without", [(POLICY + "reference.py", "weights / (1 + self.vat)", "weights * (1 + self.vat)")]),
    ("cost without inputs", [(POLICY + "reference.py", "np.nan_to_num(own + inputs)", "np.nan_to_num(own)")]),
    ("weights of shut references lost", [
        (KERNEL + "settle.py", "return left * np.where(after != 0,", "return left * np.where(after == 0,")]),
    ("release without a lowest price", [
        (POLICY + "stockpile.py", "Row(constant=1.0, buyer_price=-at[None] / ceiling[:, None])",
         "Row(constant=-1.0, buyer_price=0 * at[None] / ceiling[:, None])")]),
]
