"""What the documents name exists."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_DOCUMENTS = sorted(
    [*_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md"), *_ROOT.glob("docs/adr/*.md"), *_ROOT.glob("docs/runbooks/*.md")]
)
_TEST = re.compile(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_every_test_and_file_it_names_exists(document: Path) -> None:
    text = document.read_text()
    # The reference is made when the manual is built; mkdocs is strict about links to it.
    links = [path for path in _LINK.findall(text) if not path.startswith("reference/")]
    missing = [path for path in links if not (document.parent / path).exists()]
    for path, name in _TEST.findall(text):
        found = _ROOT / path
        if not found.exists() or (name and f"def {name}(" not in found.read_text()):
            missing.append(f"{path}::{name}")
    assert missing == []
