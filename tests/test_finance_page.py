"""The code of docs/finance.md runs and prints what stands under it."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs" / "finance.md").read_text("utf-8")


def test_the_page_prints_what_it_says(capsys):
    session: dict = {}
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.S)
    assert len(blocks) == PAGE.count("```python") == 7
    for code, printed in blocks:
        assert max(map(len, code.splitlines())) <= 140
        exec(compile(code, "finance.md", "exec"), session)  # noqa: S102 (the text under test)
        assert capsys.readouterr().out == printed


def test_the_modules_it_names_are_there():
    package = Path(__file__).parents[1] / "src" / "floormodel"
    named = re.findall(r"`((?:finance|indicators|dynamics|report)\.\w+)[`.]", PAGE)
    assert len(set(named)) >= 8
    for name in named:
        assert package.joinpath(*name.split(".")).with_suffix(".py").is_file(), name
