"""Faulty study files through the command line: exit code 2, naming file, key, value, what was expected and a mend."""

import pytest
from click.testing import CliRunner

from floormodel.cli import main

GOOD = """\
title = "A floor for NdPr oxide"
market = "rare_earths"
horizon = "long"

[[scenario]]
name = "floor"
[[scenario.policy]]
kind = "price_floor"
good = "ndpr_oxide"
members = ["USA", "EU27", "JPN"]
price = 110_000

[[scenario]]
name = "tariff"
[[scenario.policy]]
kind = "import_tariff"
good = "magnet"
importers = ["USA"]
rate = 0.25

[ensemble]
draws = 10
seed = 7
"""

# name: (text to replace, its replacement, what the message must hold besides file name, "found" and "expected")
EDITS = {
    "unknown_key": ("price = 110_000", "prise = 110_000", ["policy[1].prise", "110000", "did you mean 'price'?"]),
    "missing_key": ("price = 110_000\n", "", ["policy[1].price", "nothing", "add price = ..."]),
    "key_of_another_table": ("price = 110_000", "price = 110_000\nseed = 3", ["seed", "belongs under [ensemble]"]),
    "top_key_below_a_table": ('name = "floor"', 'name = "floor"\ndeck = "2025"', ["deck", "top of the file"]),
    "policy_at_the_top": ("[[scenario.policy]]\nkind = \"price_floor\"", "[[policy]]\nkind = \"price_floor\"",
                          ["unknown key 'policy'", "[[scenario.policy]]"]),
    "duplicate_key": ("price = 110_000", "price = 110_000\nprice = 90_000",
                      ["price = 90_000", "each key may be given once"]),
    "duplicate_scenario": ('name = "tariff"', 'name = "floor"', ["scenario[2].name", "'floor'", "rename one"]),
    "duplicate_member": ('"EU27", "JPN"', '"EU27", "USA"', ["members", "each region once", "docs/policies.md"]),
    "unknown_region": ('"EU27"', '"EU"', ["members", "'EU'", "did you mean 'EU27'?"]),
    "unknown_good": ('good = "ndpr_oxide"', 'good = "ndpr_oxyde"',
                     ["policy[1].good", "'ndpr_oxyde'", "did you mean 'ndpr_oxide'?"]),
    "good_of_another_market": ('good = "magnet"', 'good = "cathode"',
                             ["policy[1].good", "'cathode'", "known: magnet, mined"]),
    "unknown_market": ('"rare_earths"', '"rare_earth"', ["market", "'rare_earth'", "did you mean 'rare_earths'?"]),
    "address_as_market": ('"rare_earths"', '"file:///etc/passwd"', ["market", "file:///etc/passwd", "known:"]),
    "unknown_deck": ('horizon = "long"', 'deck = "2035"', ["deck", "'2035'", "did you mean '2025'?"]),
    "deck_as_number": ('horizon = "long"', "deck = 2025", ["deck", "2025", 'write deck = "2025"']),
    "unknown_horizon": ('horizon = "long"', 'horizon = "longer"', ["horizon", "'longer'", "did you mean 'long'?"]),
    "horizon_as_number": ('horizon = "long"', "horizon = 3", ["horizon", "found 3", "'long' or 'short'"]),
    "unknown_project": ('horizon = "long"', 'open_projects = ["mined:CHN"]',
                        ["open_projects", "'mined:CHN'", "known:"]),
    "project_without_region": ('horizon = "long"', 'open_projects = ["mined"]',
                               ["open_projects[1]", "good:region", '"all"']),
    "projects_misspelt": ('horizon = "long"', 'open_projects = "al"', ["open_projects", "'al'", "did you mean 'all'?"]),
    "unknown_kind": ('kind = "price_floor"', 'kind = "price_flor"',
                     ["policy[1].kind", "'price_flor'", "did you mean 'price_floor'?"]),
    "no_kind": ('kind = "price_floor"\n', "", ["policy[1].kind", "nothing", "price_floor"]),
    "unknown_choice": ("price = 110_000", 'price = 110_000\nholds = "import price"',
                       ["holds", "'import price'", "did you mean 'import_price'?"]),
    "text_for_number": ("price = 110_000", 'price = "110000"', ["price", "'110000'", "write 110000 without quotes"]),
    "thousands_in_quotes": ("price = 110_000", 'price = "110,000"', ["price", "'110,000'", "write 110000"]),
    "thousands_mark": ("price = 110_000", "price = 110,000", ["line 11", "price = 110,000", "no thousands marks"]),
    "full_width_digits": ("price = 110_000", 'price = "１１００００"',
                          ["price", "a number", "write the number itself"]),
    "formula": ("price = 110_000", 'price = "2*55000"', ["price", "'2*55000'", "formulas"]),
    "percent_sign": ("rate = 0.25", "rate = 25 %", ["line 19", "rate = 25 %", "0.25"]),
    "percent_in_quotes": ("rate = 0.25", 'rate = "25 %"', ["rate", "'25 %'", "write 0.25"]),
    "percent_as_number": ("rate = 0.25", "rate = 25", ["policy[1].rate", "found 25", "at most 5", "0.25 is 25 %"]),
    "tariff_below_minus_one": ("rate = 0.25", "rate = -1.5",
                               ["policy[1].rate", "-1.5", "above -1", "docs/policies.md"]),
    "boolean_for_number": ("price = 110_000", "price = true", ["price", "true (a truth value)", "write the number"]),
    "number_for_text": ('good = "magnet"', "good = 3", ["good", "found 3", 'write good = "3"']),
    "text_for_list": ('importers = ["USA"]', 'importers = "USA"', ["importers", "'USA'", 'write importers = ["USA"]']),
    "empty_list": ('importers = ["USA"]', "importers = []",
                   ["importers", "an empty list", "at least 1", "docs/policies.md"]),
    "not_a_number": ("price = 110_000", "price = nan", ["price", "nan", "a finite number", "write a finite number"]),
    "infinity": ("price = 110_000", "price = inf", ["price", "inf", "a finite number", "write a finite number"]),
    "overflow": ("price = 110_000", "price = 1e400", ["price", "inf", "a finite number", "write a finite number"]),
    "negative_price": ("price = 110_000", "price = -5", ["price", "-5", "above 0", "docs/policies.md"]),
    "zero_price": ("price = 110_000", "price = 0", ["price", "found 0", "above 0", "docs/policies.md"]),
    "date_for_number": ("price = 110_000", "price = 2027-01-01",
                        ["price", "2027-01-01 (a date)", "dates are not read"]),
    "unquoted_text": ('name = "tariff"', "name = tariff", ["line 14", "name = tariff", "text needs quotes"]),
    "path_as_name": ('name = "tariff"', 'name = "../x"', ["scenario[2].name", "'../x'", "letters, digits"]),
    "device_as_name": ('name = "tariff"', 'name = "CON"', ["scenario[2].name", "'CON'", "plain name"]),
    "long_name": ('name = "tariff"', f'name = "{"x" * 300}"', ["scenario[2].name", "1 to 64", "300 characters"]),
    "control_character": ('"A floor for', r'"A \u0000floor for', ["title", "control", "without them"]),
    "direction_override": ('"A floor for', '"A \u202efloor for', ["title", "direction", "without them"]),
    "no_draws": ("draws = 10", "draws = 0", ["ensemble.draws", "found 0", "at least 1", "docs/study_files.md"]),
    "negative_draws": ("draws = 10", "draws = -1", ["ensemble.draws", "-1", "at least 1", "docs/study_files.md"]),
    "draws_as_float": ("draws = 10", "draws = 1e3", ["ensemble.draws", "a whole number", "write 1000"]),
    "too_many_draws": ("draws = 10", "draws = 1_000_000_000_000",
                       ["ensemble.draws", "1000000000000", "at most 100000"]),
    "negative_seed": ("seed = 7", "seed = -7", ["ensemble.seed", "-7", "at least 0"]),
    "purchase_without_room": ("price = 110_000", 'price = 110_000\nholds = "purchase"',
                              ["room", "nothing", "room = 5000"]),
    "coverage_upstream": ("price = 110_000", 'price = 110_000\ncoverage = ["mined"]',
                          ["coverage", "'mined'", "made with"]),
    "two_documents": ("[ensemble]", "---\n[ensemble]", ["line 21", "'---'", "expected TOML", "README.md"]),
    "deep_nesting": ("price = 110_000", "price = " + "[" * 40 + "]" * 40, ["nested", "at most 12"]),
    "bottomless_nesting": ("price = 110_000", "price = " + "[" * 5000, ["expected"]),
    "scenario_is_one_table": (GOOD[GOOD.index("[[scenario]]"):], '[scenario]\nname = "floor"\n',
                              ["scenario", "a list", "docs/study_files.md"]),
    "no_scenario": (GOOD[GOOD.index("[[scenario]]"):], "", ["scenario", "nothing", "add a [[scenario]]"]),
    "scenario_without_policy": (GOOD[GOOD.index("[[scenario.policy]]"):], "",
                                ["policy", "nothing", "[[scenario.policy]]"]),
}


def check(tmp_path, content):
    path = tmp_path / "study.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CliRunner().invoke(main, ["check", str(path)])


def refused(result, fragments):
    message = result.stderr
    assert result.exit_code == 2, (result.exit_code, message, result.exception)
    assert "Traceback" not in message
    for fragment in ("study.toml", "found", "expected", *fragments):
        assert fragment in message, f"{fragment!r} is not in:\n{message}"


def test_the_good_study_is_accepted(tmp_path):
    result = check(tmp_path, GOOD)
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_spoils_the_study_is_refused(tmp_path, edit):
    old, new, fragments = EDITS[edit]
    assert GOOD.count(old) >= 1, "the edit changes nothing"
    refused(check(tmp_path, GOOD.replace(old, new, 1)), fragments)


BYTES = {
    "empty": (b"", ["an empty file", "give title, market"]),
    "only_a_comment": (b"# nothing yet\n", ["title", "market", "scenario", "add"]),
    "only_blanks": (b" \n\t\n", ["an empty file", "give title, market"]),
    "latin_1": (GOOD.replace("oxide", "oxid \u00e9", 1).encode("latin-1"),
                ["line 1", "0xe9", "UTF-8", "save the file"]),
    "utf_16": (GOOD.encode("utf-16"), ["UTF-16", "save the file as UTF-8"]),
    "binary": (b"PK\x03\x04" + bytes(60), ["binary", "save the file as UTF-8"]),
    "too_large": (GOOD.encode() + b"#" * (2 * 1024 * 1024), ["2,097,152", "market folder"]),
    "json": (b'{"title": "x"}', ["line 1", "expected TOML", "README.md"]),
    "yaml": (b"title: x\nmarket: rare_earths\n", ["line 1", "title: x", "expected TOML"]),
    "cut_short": (GOOD.encode()[:-len('0\nseed = 7\n') - len("draws = 1")] + b"draws =", ["draws =", "expected TOML"]),
    "nul_inside": (GOOD.replace("floor for", "fl\x00oor for").encode(), ["binary", "save the file as UTF-8"]),
}


@pytest.mark.parametrize("name", BYTES)
def test_a_file_that_is_not_a_study_is_refused(tmp_path, name):
    content, fragments = BYTES[name]
    refused(check(tmp_path, content), fragments)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path, word in ((tmp_path / "study.toml", "no file"), (tmp_path, "a folder")):
        result = CliRunner().invoke(main, ["check", str(path)])
        assert result.exit_code == 2
        for fragment in (str(path), word, "expected a study file", "check the path"):
            assert fragment in result.stderr


def test_byte_order_mark_and_windows_line_ends_are_fine(tmp_path):
    assert check(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()).exit_code == 0


def test_all_faults_of_a_file_come_at_once_in_the_order_of_its_lines(tmp_path):
    text = GOOD
    for name in ("unknown_horizon", "unknown_key", "number_for_text", "percent_as_number", "no_draws"):
        old, new, _ = EDITS[name]
        text = text.replace(old, new, 1)
    result = check(tmp_path, text)
    assert result.exit_code == 2
    keys = ["horizon", "policy[1].price", "policy[1].prise", "policy[1].good", "policy[1].rate", "ensemble.draws"]
    places = [result.stderr.index(key + ":") for key in keys]
    assert "6 fault(s)" in result.stderr
    lines = [int(word.split(":")[0]) for word in result.stderr.split("line ")[1:]]
    assert lines == sorted(lines)
    assert all(place > 0 for place in places)
