"""The server by its protocol: its answers, and the requests that it refuses."""

import http.client
from dataclasses import replace

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.systems.paint import PaintServer
from tag2mask.pipeline.systems.paint.page import paint_page

BYTES = "application/octet-stream"


@pytest.fixture
def ask(serve, painter):
    server = serve(painter)

    def request(method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=120)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer, text

    request.server = server
    return request


def test_page(ask):
    answer, page = ask("GET", "/")
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in answer.getheader("Content-Security-Policy")
    for name in (b"cat", b"dog", b"bird", b"mask to photo"):
        assert name in page
    assert b"http" not in page.replace(b"http-equiv", b"")  # nothing from anywhere else
    assert ask("GET", "/else")[0].status == 404


def test_names_of_classes_are_text(painter):
    names = ("<script>alert(1)</script>", '" onload="x', "bird")
    page, _ = paint_page(replace(painter, classes=ClassTable(names=names)))
    assert b"<script>alert" not in page
    assert b'" onload="x' not in page


def test_photo(ask, painter):
    answer, png = ask("POST", "/image?height=16&width=24", bytes(384), Content_Type=BYTES)
    assert (answer.status, answer.getheader("Content-Type")) == (200, "image/png")
    assert png == painter.image(bytes(384), 16, 24)


@pytest.mark.parametrize(
    ("path", "size", "status", "sentence"),
    [
        ("/image?height=16&width=24", 5, 400, "has 384 bytes, not 5"),
        ("/image?height=16&width=-24", 5, 400, "width='-24' is no whole number"),
        ("/image?height=99999999999&width=1", 5, 400, "is no whole number"),
        ("/image", 5, 400, "sides must be"),
        ("/", 5, 404, "/image"),
    ],
)
def test_invalid_drawings_are_refused(ask, path, size, status, sentence):
    answer, text = ask("POST", path, bytes(size), Content_Type=BYTES)
    assert answer.status == status
    assert sentence in text.decode()


def test_forms_of_other_pages(ask):
    answer, _ = ask("POST", "/image?height=16&width=16", bytes(256), Content_Type="text/plain")
    assert answer.status == 415


@pytest.mark.parametrize(("length", "status"), [(None, 411), ("-5", 411), (2**20 + 1, 413)])
def test_a_drawing_without_its_length_or_too_long(ask, length, status):
    connection = http.client.HTTPConnection("127.0.0.1", ask.server.server_port, timeout=120)
    connection.putrequest("POST", "/image?height=16&width=16")
    connection.putheader("Content-Type", BYTES)
    if length is not None:
        connection.putheader("Content-Length", str(length))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == status
    assert b"drawing" in answer.read()
    connection.close()


def test_only_its_own_page_is_answered(ask):
    """Another name for this address, or a page from elsewhere, gets nothing."""
    port = ask.server.server_port
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{port + 1}"},
    ):
        for method, path in (("GET", "/"), ("POST", "/image?height=16&width=16")):
            answer, text = ask(method, path, bytes(256), Content_Type=BYTES, **headers)
            assert answer.status == 403, headers
            assert len(text) < 100
    for host in ("127.0.0.1", "localhost"):
        own = f"{host}:{port}"
        assert ask("GET", "/", Host=own, Origin=f"http://{own}")[0].status == 200


def test_it_listens_to_this_machine_alone(ask):
    assert ask.server.server_address[0] == "127.0.0.1"
    assert ask.server.address == f"http://127.0.0.1:{ask.server.server_port}/"


def test_a_port_that_is_taken(ask, painter):
    with pytest.raises(UserError, match=f"port {ask.server.server_port}.*--port"):
        PaintServer(painter, ask.server.server_port)
