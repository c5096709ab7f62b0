"""Pages of docs/ whose code prints what stands under it, and whose links and modules are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", ["finance.md", "storage.md"])
def test_the_page_prints_what_it_says(name, capsys):
    page, session = (ROOT / "docs" / name).read_text("utf-8"), {}
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.S)
    assert len(blocks) == page.count("```python") >= 7
    for code, printed in blocks:
        assert max(map(len, code.splitlines())) <= 140
        exec(compile(code, name, "exec"), session)  # noqa: S102 (the text under test)
        assert capsys.readouterr().out == printed


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_and_modules_are_there(page):
    text = page.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / link).exists(), link
    for module in re.findall(r"`((?:finance|indicators|dynamics|report)\.\w+)[`.]", text):
        assert (ROOT / "src" / "floormodel").joinpath(*module.split(".")).with_suffix(".py").is_file(), module
