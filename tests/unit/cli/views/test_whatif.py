"""The options and the file of `vita whatif`, checked before any server is asked."""

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Vita

MAPPING = '{"fieldsMap": {"name": "full"}}'

REFUSED = [
    ((), "either --mapping FILE or --upgrade"),
    (("--upgrade", "--mapping", "FILE", "-c", "corp"), "either --mapping FILE or --upgrade"),
    (("--mapping", "FILE"), "--connection"),
    (("--upgrade", "--sample", "5", "--all"), "exclude each other"),
    (("--mapping", "missing.json", "-c", "corp"), "missing.json"),
]


@pytest.mark.parametrize(("arguments", "problem"), REFUSED)
def test_options_that_contradict_each_other(
    vita: Vita, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    """The command ends with exit code 1 and names the option to correct."""
    file = tmp_path / "mapping.json"
    file.write_text(MAPPING)
    ran = vita("whatif", *(str(file) if one == "FILE" else one for one in arguments))
    assert (ran.code, problem in ran.err, ran.out) == (1, True, "")


@pytest.mark.parametrize("content", ["no json", "[]", "{}", '{"domain_aliases": []}', '{"options": {}}'])
def test_a_file_without_a_mapping(vita: Vita, tmp_path: Path, content: str) -> None:
    """The command says which options it expects, or that the file is not JSON."""
    file = tmp_path / "mapping.json"
    file.write_text(content)
    ran = vita("whatif", "-c", "corp", "--mapping", str(file))
    assert ran.code == 1
    assert "is not JSON" in ran.err or "fieldsMap" in ran.err


def test_a_whole_connection_is_taken_too(vita: Vita, tmp_path: Path) -> None:
    """Of a connection as the API answers it, the options count; those that no mapping reads are named."""
    file = tmp_path / "connection.json"
    file.write_text('{"name": "corp", "options": {"fieldsMap": {}, "icon_url": "x"}}')
    ran = vita("whatif", "-c", "corp", "--mapping", str(file))
    assert "The mapping does not read these options: icon_url" in ran.err
    assert "Management API is configured" in ran.err
    assert list(tmp_path.glob("*.ndjson")) == []
