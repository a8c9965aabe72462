"""The page's server, asked by a client while it runs in this process."""

import concurrent.futures
import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import av
import helpers
import pytest
import run_helpers
import serving

from jaxsign import cli
from jaxsign.infer import predict
from jaxsign.infer.serve import server, uploads


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    base = tmp_path_factory.mktemp("serve")
    (base / "uploads").mkdir()
    with serving.opened(serving.save_run(base / "run"), base / "uploads") as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_is_kept(served):
    yield
    serving.Person.pause = 0.0
    serving.wait(lambda: list(served.folder.iterdir()) == [])


def clip(path, length=12, **arrays):
    return run_helpers.save_clip(path, length, **arrays)


def test_films_and_clips_are_answered_as_predict_writes_them(served, tmp_path):
    for path in (clip(tmp_path / "a.npz"), serving.a_film(tmp_path / "b.mp4")):
        out = tmp_path / f"{path.stem}.json"
        predict.predict_files(served.run, path, out=out, finder=serving.FINDER)
        assert serving.predict(served, path) == (200, json.loads(out.read_text("utf-8")))


def test_the_page_gets_an_answer_its_timeline_and_its_film(served, tmp_path):
    path = serving.a_film(tmp_path / "tea time.mp4", frames=40)
    told, key = serving.whole(served, "name=tea%20time.mp4", path.read_bytes())
    assert told["answer"] == serving.predict(served, path)[1] and told["frames"] == 40
    best, sure = told["choices"]["gloss"][0]
    assert f"{best} (" in told["answer"]["gloss_prediction"] and best in told["said"]
    assert sure == told["answer"]["gloss_probability"]
    windows = told["timeline"]["windows"]
    assert told["timeline"]["seconds"] == pytest.approx(39 / 15, abs=0.01)
    assert [one["start"] for one in windows] == sorted(one["start"] for one in windows)
    assert 0 < windows[0]["end"] - windows[0]["start"] <= 1.01 and len(windows) > 3
    rows = list(csv.DictReader(io.StringIO(told["csv"])))
    assert {row["of"] for row in rows} >= {"gloss", "category", "window"}
    status, headers, film = serving.ask(served, "GET", f"/jobs/{key}/film")
    assert status == 200 and headers["Content-Type"] == "video/mp4" and told["film"]
    with av.open(io.BytesIO(film)) as opened:
        assert sum(1 for _ in opened.decode(video=0)) == 40
    serving.ask(served, "DELETE", f"/jobs/{key}")
    assert serving.ask(served, "GET", f"/jobs/{key}")[0] == 404


def test_the_program_of_the_docs_gets_the_answer(served, tmp_path):
    page = (helpers.ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    names = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1), names)
    path = clip(tmp_path / "how are you.npz")
    assert (200, names["predict"](served.url, path)) == serving.predict(served, path)


def test_an_example_is_made_by_code(served):
    assert serving.ask(served, "GET", "/run")[2]["example"]
    told, key = serving.whole(served, "example=1")
    assert told["film"] and told["timeline"]["windows"]
    assert any("the clip is made up" in line for line in told["told"])
    serving.ask(served, "DELETE", f"/jobs/{key}")


def test_what_cannot_be_answered_is_told_as_predict_tells_it(served, tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "letter.txt").write_text("dear jaxsign")
    serving.a_film(tmp_path / "nobody.mp4", grey=20)
    clip(tmp_path / "other.npz", X=run_helpers.np.zeros((8, 7), "f"))
    for name, reason in {
        "text.mp4": "cannot be read as a video",
        "empty.mp4": "is empty",
        "letter.txt": "",
        "nobody.mp4": "nobody was found in any of its 12 frames",
        "other.npz": "no array of 156 numbers a frame",
    }.items():
        status, told = serving.predict(served, tmp_path / name)
        assert status == 422 and reason in told["error"], told
        assert told["error"].startswith(f"{name}: ")
        assert str(served.folder) not in told["error"]


def raw(served, head, content=b""):
    """A connection that has sent a head of a request and some of its content."""
    line = socket.create_connection(("127.0.0.1", served.page.server_port), timeout=30)
    line.sendall(f"{head}\r\nHost: 127.0.0.1:{served.page.server_port}\r\n\r\n".encode() + content)
    return line


def heard(line):
    """All that is answered before the connection ends."""
    with line, line.makefile("rb") as answer:
        line.shutdown(socket.SHUT_WR)
        return answer.read().decode()


def test_too_much_is_refused_before_it_is_read(served):
    head = f"POST /predict?name=a.mp4 HTTP/1.1\r\nContent-Length: {10**12}"
    told = heard(raw(served, head))
    assert told.startswith("HTTP/1.1 413") and "1,000,000.0 MB, more than the 0 MB" in told
    head = "POST /predict?name=a.mp4 HTTP/1.1\r\nTransfer-Encoding: chunked"
    assert heard(raw(served, head)).startswith("HTTP/1.1 411")
    # Who does not wait for a word hears it all the same.
    status, _, told = serving.ask(served, "POST", "/jobs?name=a.mp4", bytes(serving.MOST + 1))
    assert status == 413 and "--max-mb" in told["error"]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_address_that_is_none_is_refused(served, method):
    told = heard(raw(served, f"{method} http://[::1/run HTTP/1.1"))
    assert told.startswith("HTTP/1.1 400") and "the address of the request is none" in told


@pytest.mark.parametrize(
    ("head", "status", "words"),
    [("PUT /run HTTP/1.1", 501, "Unsupported method ('PUT')"), ("G /run HTTP/1.1", 501, "'G'")],
)
def test_what_the_protocol_refuses_is_json_too(served, head, status, words):
    told = heard(raw(served, head))
    assert told.startswith(f"HTTP/1.1 {status}")
    assert words in json.loads(told.partition("\r\n\r\n")[2])["error"]


def test_content_that_nothing_asks_for_is_no_other_request(served):
    inner = f"GET /run HTTP/1.1\r\nHost: 127.0.0.1:{served.page.server_port}\r\n\r\n"
    for method, path in (("GET", "/run"), ("DELETE", "/jobs/none")):
        head = f"{method} {path} HTTP/1.1\r\nContent-Length: {len(inner)}"
        told = heard(raw(served, head, inner.encode()))
        assert told.count("HTTP/1.1 200") == 1 and "Connection: close" in told


def test_a_disk_that_fails_is_answered_and_told(served, tmp_path, monkeypatch, caplog):
    def receive(*words):
        raise PermissionError("no")

    path = clip(tmp_path / "a.npz")
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "receive", receive)
        status, told = serving.predict(served, path)
    assert status == 500 and "PermissionError" in told["error"]
    assert "a request was not answered" in caplog.text
    assert serving.predict(served, path)[0] == 200


def test_ten_at_once_are_all_answered(served, tmp_path):
    paths = [clip(tmp_path / f"c{i}.npz", seed=i) for i in range(10)]
    alone = [serving.predict(served, path) for path in paths]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        assert list(pool.map(lambda path: serving.predict(served, path), paths)) == alone
    assert len({json.dumps(told) for _, told in alone}) == 10


def test_a_lost_connection_leaves_nothing(served, tmp_path):
    path = serving.a_film(tmp_path / "long.mp4", frames=60)
    head = f"POST /predict?name=long.mp4 HTTP/1.1\r\nContent-Length: {path.stat().st_size}"
    raw(served, head, path.read_bytes()[:100]).close()  # while it sends
    serving.Person.pause, before = 0.05, serving.Person.looked
    line = raw(served, head, path.read_bytes())
    serving.wait(lambda: serving.Person.looked > before + 2)
    line.close()  # while it waits
    serving.wait(lambda: list(served.folder.iterdir()) == [])
    assert serving.Person.looked < before + 50


def test_who_cancels_is_not_waited_for(served, tmp_path):
    content = serving.a_film(tmp_path / "long.mp4", frames=60).read_bytes()
    serving.Person.pause, before = 0.05, serving.Person.looked
    keys = [serving.ask(served, "POST", "/jobs?name=a.mp4", content)[2]["job"] for _ in range(3)]
    serving.wait(lambda: serving.ask(served, "GET", f"/jobs/{keys[0]}")[2]["share"] > 0)
    assert serving.ask(served, "GET", f"/jobs/{keys[2]}")[2]["before"] == 2
    for key in keys[::-1]:
        serving.ask(served, "DELETE", f"/jobs/{key}")
    serving.wait(lambda: list(served.folder.iterdir()) == [])
    assert serving.Person.looked < before + 50


def test_a_name_with_a_path_is_but_a_name(served, tmp_path):
    path = clip(tmp_path / "a.npz")
    for name in ("../../evil.npz", "/etc/evil.npz", "..\\evil.npz", ".evil.npz"):
        assert serving.predict(served, path, name)[0] == 200
    for name in ("made", "sent"):  # as folders of its own are called
        assert serving.predict(served, path, name)[0] == 422
    assert uploads.safe_name("../..") == "upload" and uploads.safe_name("a\n\x1b.mp4") == "a__.mp4"
    assert len(uploads.safe_name(400 * "語" + ".clip.npz").encode()) < 255
    assert uploads.safe_name(400 * "a" + ".clip.npz").endswith(".clip.npz")


def test_labels_are_no_html(served, tmp_path):
    status, headers, facts = serving.ask(served, "GET", "/run")
    assert facts["labels"]["gloss"][1] == serving.EVIL
    assert headers["Content-Type"].startswith("application/json")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    code = "".join(content.decode() for _, content in served.page.page.values())
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", code)


def test_the_page_names_no_other_host(served):
    pages = served.page.page
    assert set(pages) >= {"/", "/page.css", "/page.js"}
    for place, (kind, content) in pages.items():
        assert serving.ask(served, "GET", place)[1]["Content-Type"] == kind
        text = content.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(https?:)?//[a-z]+\.|@import|url\(", text), place


def test_pages_of_other_places_are_refused(served, tmp_path):
    content = clip(tmp_path / "a.npz").read_bytes()
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        for method, path in (("POST", "/predict?name=a.npz"), ("GET", "/run"), ("GET", "/")):
            assert serving.ask(served, method, path, content, **headers)[0] == 403
    assert served.page.server_address[0] == "127.0.0.1"


def test_more_than_can_wait_are_refused(served, tmp_path):
    path, folder = clip(tmp_path / "a.npz"), tmp_path / "uploads"
    folder.mkdir()
    with serving.opened(served.run, folder, None, waiting=1) as other:
        head = f"POST /predict?name=a.npz HTTP/1.1\r\nContent-Length: {path.stat().st_size}"
        arriving = raw(other, head, path.read_bytes()[:-1])
        serving.wait(lambda: list(folder.iterdir()))
        status, told = serving.predict(other, path)
        assert status == 503 and told["error"].startswith("1 uploads wait already")
        arriving.close()
        serving.wait(lambda: list(folder.iterdir()) == [])
        assert serving.predict(other, path)[0] == 200


def test_who_goes_before_the_first_word_is_not_answered(served, tmp_path, monkeypatch):
    content, gone = serving.a_film(tmp_path / "a.mp4").read_bytes(), threading.Event()
    receive, looked = uploads.receive, serving.Person.looked

    def received(*words):
        receive(*words)
        assert gone.wait(30)

    monkeypatch.setattr(uploads, "receive", received)
    head = f"POST /jobs?name=a.mp4 HTTP/1.1\r\nContent-Length: {len(content)}"
    line = raw(served, head, content)
    serving.wait(lambda: list(served.folder.iterdir()))
    line.close()
    gone.set()
    serving.wait(lambda: list(served.folder.iterdir()) == [])
    assert serving.Person.looked == looked


def test_a_port_that_is_taken_is_told_in_a_line(served, capsys):
    port = served.page.server_port
    assert cli.main(["serve", "--workdir", str(served.run), "--port", str(port)]) == 1
    told = capsys.readouterr().err
    assert told == f"error: --port {port}: is taken. Give another one, or 0 for any free\n"
    assert server.HOST == "127.0.0.1"


def test_without_models_films_are_refused_with_what_is_missing(served, tmp_path):
    (tmp_path / "uploads").mkdir()
    with serving.opened(served.run, tmp_path / "uploads", None) as other:
        assert not serving.ask(other, "GET", "/run")[2]["films"]
        status, told = serving.predict(other, serving.a_film(tmp_path / "a.mp4"))
    assert status == 422 and "--model PATH" in told["error"]


def started(served, folder):
    """The verb as a process, whose uploads are in a folder."""
    folder.mkdir()
    words = [sys.executable, "-m", "jaxsign", "serve", "--workdir", str(served.run), "--port", "0"]
    place = {**os.environ, "TMPDIR": str(folder)}
    out = subprocess.PIPE
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup ignores
    try:
        return subprocess.Popen(words, cwd=helpers.ROOT, env=place, stdout=out, text=True)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_verb_tells_where_the_page_is_and_leaves_nothing_behind(served, tmp_path):
    with started(served, tmp_path / "tmp") as p:
        url = p.stdout.readline().split()[0]
        with urllib.request.urlopen(f"{url}run") as answer:
            assert json.load(answer)["max_bytes"] == 200_000_000
        p.send_signal(signal.SIGINT)
        assert p.stdout.read() == "ended; nothing was kept\n"
    assert p.returncode == 0 and list((tmp_path / "tmp").iterdir()) == []


def test_a_closed_terminal_leaves_nothing_behind_while_the_run_is_loaded(served, tmp_path):
    with started(served, tmp_path / "tmp") as p:
        serving.wait(lambda: list((tmp_path / "tmp").glob("jaxsign-serve-*")))
        p.send_signal(signal.SIGHUP)
        p.send_signal(signal.SIGHUP)
        assert p.stdout.read() == ""
    assert p.returncode == 130 and list((tmp_path / "tmp").iterdir()) == []
