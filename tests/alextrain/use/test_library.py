"""The lines of docs/library.md do what they say."""

import re
import shutil
from pathlib import Path

from tests.alextrain.small_shards import encode, picture

PAGE = Path(__file__).parents[3] / "docs" / "library.md"


def test_the_five_lines_print_the_guesses(checkpoint, predictor, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("runs/quick").mkdir(parents=True)
    shutil.copy(checkpoint, "runs/quick/best.pt")
    Path("photo.jpg").write_bytes(encode(picture(4, 100)))
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    exec(compile(code, str(PAGE), "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[-1] for line in printed] == [
        guess.words for guess in predictor.predict("photo.jpg")[0]
    ]
    assert len(printed) == 3
