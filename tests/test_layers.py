"""Finding layers, and reading them from wherever they are."""

import io
import subprocess
import sys
from types import SimpleNamespace

import pytest

from derive.errors import LayerError, UsageError
from derive.layers import MAX_BYTES, LayerText, layer_names, read_layer, summary


def test_the_built_in_layers_are_discovered_and_sorted():
    names = layer_names()
    assert "batch_norm" in names
    assert names == sorted(names)


def test_a_built_in_layer():
    layer = read_layer("batch_norm")
    assert (layer.name, layer.file) == ("batch_norm", "batch_norm.layer")
    assert "xhat[i, j]" in layer.text


def test_every_built_in_layer_says_what_it_is():
    for name in layer_names():
        assert summary(read_layer(name).text)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"x: [N]\n", "x: [N]\n"),
        (b"\xef\xbb\xbfx: [N]\r\ny = 1\r", "x: [N]\ny = 1\n"),
        ("γ: []".encode(), "γ: []"),
        (b"", ""),
    ],
)
def test_a_file(tmp_path, raw, text):
    path = tmp_path / "my.layer"
    path.write_bytes(raw)
    assert read_layer(str(path)) == LayerText("my", str(path), text)


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"x: []\r\n")))
    assert read_layer("-") == LayerText("layer", "<stdin>", "x: []\n")


class TestMistakes:
    @pytest.mark.parametrize("spec", ["batchnorm", "batch_nrom", "Batch_norm"])
    def test_a_near_name_is_suggested(self, spec):
        with pytest.raises(UsageError, match="did you mean batch_norm"):
            read_layer(spec)

    @pytest.mark.parametrize("spec", ["qqqq", "", "bat\0ch", "q" * 5_000])
    def test_an_unknown_name(self, spec):
        with pytest.raises(UsageError, match=r"no layer is called .*\n.*batch_norm"):
            read_layer(spec)

    def test_a_file_that_is_meant_by_another_spelling(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "mine.layer").write_text("x: []")
        (tmp_path / "other").write_text("x: []")
        with pytest.raises(UsageError, match=r"read as mine\.layer"):
            read_layer("mine")
        with pytest.raises(UsageError, match=r"read as \./other"):
            read_layer("other")
        assert read_layer("./other").text == "x: []"

    def test_a_missing_file_a_folder_and_a_null_character(self, tmp_path):
        with pytest.raises(UsageError, match="there is no file"):
            read_layer(str(tmp_path / "none.layer"))
        with pytest.raises(UsageError, match="is a folder"):
            read_layer(f"{tmp_path}/")
        with pytest.raises(UsageError, match="cannot read"):
            read_layer("a\0b.layer")

    def test_bytes_that_are_not_utf8(self, tmp_path):
        path = tmp_path / "latin.layer"
        path.write_bytes("x: [N]\nγ = ".encode() + b"\xe9\n")
        with pytest.raises(LayerError) as caught:
            read_layer(str(path))
        assert "byte 0xe9 is not UTF-8" in str(caught.value)
        assert caught.value.location is not None
        assert (caught.value.location.line, caught.value.location.column) == (2, 4)

    def test_bytes_that_are_not_utf8_below_line_ends_of_any_kind(self, tmp_path):
        path = tmp_path / "latin.layer"
        path.write_bytes(b"x: [N]\r\rw: [N]\r\n\xe9\n")
        with pytest.raises(LayerError) as caught:
            read_layer(str(path))
        assert caught.value.location is not None
        assert (caught.value.location.line, caught.value.location.column) == (4, 0)

    def test_a_file_that_is_no_layer_by_its_size(self, tmp_path):
        path = tmp_path / "big.layer"
        path.write_bytes(b"#" * (MAX_BYTES + 1))
        with pytest.raises(LayerError, match="is larger than"):
            read_layer(str(path))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"""One line."""\nx: []', "One line."),
        ('"""\n\n  First.\n\n  Second.\n"""', "First."),
        ('\ufeff"""With \\sigma."""', r"With \sigma."),
        ("x: []", ""),
        ("", ""),
        ("((((", ""),
        ("x\0", ""),
        ("-" * 100_000 + "1", ""),
    ],
)
def test_summary(text, line):
    assert summary(text) == line


def test_neither_sympy_nor_numpy_is_imported():
    code = "import sys, derive.layers; print(sorted({'sympy', 'numpy'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
