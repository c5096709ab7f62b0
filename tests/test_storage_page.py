"""The page on stocks prints what it says."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[1] / "docs" / "storage.md").read_text("utf-8")


def test_the_page_prints_what_it_says(capsys):
    session: dict = {}
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.S)
    assert len(blocks) == PAGE.count("```python") == 8
    for code, printed in blocks:
        assert len(code.strip().splitlines()) <= 20
        exec(compile(code, "storage.md", "exec"), session)  # noqa: S102 (the text under test)
        assert capsys.readouterr().out == printed
    for link in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (Path(__file__).parents[1] / "docs" / link).exists(), link
