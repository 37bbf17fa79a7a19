"""Laws of posting to receivers that nobody vouches for: where a message goes, and what they can do to the server."""

from __future__ import annotations

import asyncio
import logging
import ssl
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

import pytest

from dragoman.server.authority import LocalAuthority
from dragoman.server.tls import now
from dragoman.service.callbacks import CallbackMessage, CallbackPart, PostFailed
from dragoman.transport.post import HttpPoster
from receivers import Answer, Receiver, endless, hang_up, receiving, silence, status

pytestmark = pytest.mark.unit

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. Made once, because the usual one takes its time."""
PART = CallbackPart("data_file", 'a "name".txt', "text/plain", b"s3ntence\r\n--two\xff\x00")


class Names:
    """A name server: each time a name is asked for, its next answer; the last one from then on."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


def message(url: str, *headers: tuple[str, str]) -> CallbackMessage:
    return CallbackMessage(url, headers, (PART,))


async def posted(
    url: str, names: Names | None = None, *, timeout_s: float = 20, tls: ssl.SSLContext | None = None
) -> int:
    """By a server that may post to its own network."""
    poster = HttpPoster(private_addresses=True, resolve=names, tls=tls)
    return await poster.post(message(url), timeout_s=timeout_s)


async def test_a_message_arrives_whole_as_a_form() -> None:
    second = CallbackPart("more", "ž.json", "application/json", b"{}")
    async with receiving(status(200)) as receiver:
        url = f"{receiver.url}?b=%2f&a=1&id=5"
        sent = CallbackMessage(url, (("User-Agent", "Speechmatics-API/1.0"),), (PART, second))
        assert await HttpPoster(private_addresses=True, tls=TLS).post(sent, timeout_s=20) == 200
    (post,) = receiver.posts
    assert post.target == "/done?b=%2f&a=1&id=5"
    assert post.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert post.headers["user-agent"] == "Speechmatics-API/1.0"
    assert [part[3] for part in post.parts()] == [PART.data, second.data]
    assert [part[0] for part in post.parts()] == ["data_file", "more"]
    assert [part[2] for part in post.parts()] == ["text/plain", "application/json"]


async def test_a_message_may_be_without_files() -> None:
    async with receiving(status(200)) as receiver:
        await HttpPoster(private_addresses=True, tls=TLS).post(CallbackMessage(receiver.url, (), ()), timeout_s=20)
    assert receiver.posts[0].body == b""


@pytest.mark.parametrize("name", ['a".txt', "a\r\nContent-Type: text/html.txt", "a\udc80\x00.txt", ""])
async def test_no_name_of_a_file_breaks_the_form(name: str) -> None:
    part = CallbackPart("data_file", name, "text/plain", b"content")
    async with receiving(status(200)) as receiver:
        message = CallbackMessage(receiver.url, (), (part,))
        await HttpPoster(private_addresses=True, tls=TLS).post(message, timeout_s=20)
    ((field, _, content_type, content),) = receiver.posts[0].parts()
    assert (field, content_type, content) == ("data_file", "text/plain", b"content")


@pytest.mark.parametrize("code", [200, 204, 404, 500, 503])
async def test_the_status_is_told_whatever_it_is(code: int) -> None:
    async with receiving(status(code)) as receiver:
        assert await posted(receiver.url) == code


async def test_a_redirect_is_not_followed() -> None:
    async with receiving(status(200)) as inner, receiving(status(307, f"Location: {inner.url}")) as outer:
        assert await posted(outer.url) == 307
    assert (outer.connections, inner.connections) == (1, 0)


async def test_a_user_in_the_url_is_shown_to_the_receiver() -> None:
    async with receiving(status(200)) as receiver:
        await posted(f"http://m%40e:se:cret@127.0.0.1:{receiver.port}/")
    (post,) = receiver.posts
    assert post.headers["authorization"] == "Basic " + b64encode(b"m@e:se:cret").decode()
    assert "secret" not in post.headers["host"]


async def test_nothing_of_one_post_is_in_the_next() -> None:
    async with receiving(status(200, "Set-Cookie: a=b; Path=/", "Connection: keep-alive")) as receiver:
        poster = HttpPoster(private_addresses=True, tls=TLS)
        for _ in range(2):
            await poster.post(message(receiver.url), timeout_s=20)
    assert receiver.connections == 2
    assert all(post.headers["connection"] == "close" for post in receiver.posts)
    assert all("cookie" not in post.headers for post in receiver.posts)


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(status(200)) as receiver, receiving(status(200)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert await posted(receiver.url) == 200
    assert proxy.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%lo"],
        ["8.8.8.8", "127.0.0.1"],
    ],
)
async def test_a_name_with_an_address_of_ones_own_network_is_refused(addresses: list[str]) -> None:
    async with receiving(status(200)) as receiver:
        poster = HttpPoster(resolve=Names(addresses), tls=TLS)
        with pytest.raises(PostFailed, match=r"private|reserved") as failure:
            await poster.post(message(f"http://receiver.example:{receiver.port}/"), timeout_s=20)
    assert receiver.connections == 0
    assert not any(address in str(failure.value) for address in addresses)


async def test_what_this_machine_calls_itself_is_refused() -> None:
    async with receiving(status(200)) as receiver:
        for url in (f"http://localhost:{receiver.port}/", receiver.url):
            with pytest.raises(PostFailed, match="private"):
                await HttpPoster(tls=TLS).post(message(url), timeout_s=20)
    assert receiver.connections == 0


async def test_addresses_of_clouds_stay_closed_to_servers_that_post_to_their_own_network() -> None:
    for address in ("169.254.169.254", "fd00:ec2::254", "0.0.0.0", "224.0.0.1"):
        with pytest.raises(PostFailed, match="reserved"):
            await posted("http://receiver.example/", Names([address]))


async def test_the_system_is_asked_for_names() -> None:
    async with receiving(status(200)) as receiver:
        assert await posted(f"http://localhost:{receiver.port}/") == 200
    assert receiver.posts[0].headers["host"] == f"localhost:{receiver.port}"


@pytest.mark.parametrize("first", [silence, hang_up])
async def test_the_address_that_was_checked_is_the_one_that_is_used(first: Answer) -> None:
    """Whatever the name stands for a moment later."""
    async with receiving(first) as checked, receiving(status(200), address="127.0.0.2", port=checked.port) as other:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        with pytest.raises(PostFailed):
            await posted(f"http://receiver.example:{checked.port}/", names, timeout_s=0.3)
    assert names.asked == [("receiver.example", checked.port)]
    assert (checked.connections, other.connections) == (1, 0)


async def test_an_address_that_takes_no_connection_is_passed_over() -> None:
    async with receiving(status(200), address="127.0.0.2") as receiver:
        names = Names(["127.0.0.1", "127.0.0.2"])
        assert await posted(f"http://receiver.example:{receiver.port}/", names) == 200
    assert receiver.posts[0].headers["host"] == f"receiver.example:{receiver.port}"


async def test_a_message_that_was_sent_goes_to_no_second_address() -> None:
    async with receiving(hang_up) as first, receiving(status(200), address="127.0.0.2", port=first.port) as second:
        with pytest.raises(PostFailed):
            await posted(f"http://receiver.example:{first.port}/", Names(["127.0.0.1", "127.0.0.2"]))
    assert (len(first.posts), second.connections) == (1, 0)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(silence, id="never answers"),
        pytest.param(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="always goes on"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"), id="endless headers"),
        pytest.param(endless(b"", b"\x00" * 1024), id="endless nonsense"),
        pytest.param(hang_up, id="hangs up"),
    ],
)
async def test_a_receiver_that_gives_no_answer_fails_in_time(answer: Answer) -> None:
    async with receiving(answer) as receiver, asyncio.timeout(20):
        with pytest.raises(PostFailed):
            await posted(receiver.url, timeout_s=0.3)


async def test_a_receiver_that_takes_no_connection_fails() -> None:
    async with receiving(status(200)) as receiver:
        pass
    with pytest.raises(PostFailed, match="connection"):
        await posted(receiver.url)


async def test_of_an_endless_reply_only_the_beginning_is_read() -> None:
    sent: list[int] = []
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with receiving(endless(head, b"10000\r\n" + bytes(1 << 16) + b"\r\n", sent)) as receiver:
        assert await posted(receiver.url) == 200
        async with asyncio.timeout(20):
            while not sent:
                await asyncio.sleep(0)
    assert sent[0] < 32 << 20  # what the system's own buffers hold


@pytest.mark.parametrize("piece", [b"", b"x"])
async def test_an_answer_counts_although_its_end_never_comes(piece: bytes) -> None:
    async def begin(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\nbegun")
        while not writer.transport.is_closing():
            writer.write(piece)
            await asyncio.sleep(0.02)

    async with receiving(begin) as receiver, asyncio.timeout(20):
        assert await posted(receiver.url, timeout_s=0.3) == 200


async def test_a_name_server_that_never_answers_fails_in_time() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(PostFailed, match="no answer"):
        await HttpPoster(resolve=never, tls=TLS).post(message("http://receiver.example/"), timeout_s=0.05)


async def test_a_name_nobody_has_fails() -> None:
    async def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    with pytest.raises(PostFailed, match="resolved"):
        await HttpPoster(resolve=nobody, tls=TLS).post(message("http://receiver.example/"), timeout_s=20)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """The context of a receiver called ``receiver.example`` and ``127.0.0.1``, and whose certificate it shows."""
    authority = LocalAuthority(tmp_path_factory.mktemp("tls"), ["receiver.example", "127.0.0.1"], clock=now)
    files = authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    return context, authority.certificate


def secure(receiver: Receiver, host: str = "receiver.example") -> str:
    return f"https://{host}:{receiver.port}/"


async def test_a_certificate_is_for_the_host_and_not_for_its_address(authority: tuple[ssl.SSLContext, Path]) -> None:
    serving, signer = authority
    asked: list[str | None] = []
    serving.sni_callback = lambda _, name, __: asked.append(name)
    trusting = ssl.create_default_context(cafile=signer)
    async with receiving(status(200), tls=serving) as receiver:
        assert await posted(secure(receiver), Names(["127.0.0.1"]), tls=trusting) == 200
        assert asked == ["receiver.example"]
        with pytest.raises(PostFailed, match=r"certificate.*other\.example"):
            await posted(secure(receiver, "other.example"), Names(["127.0.0.1"]), tls=trusting)
        assert await posted(secure(receiver, "127.0.0.1"), tls=trusting) == 200
    assert len(receiver.posts) == 2


async def test_an_unknown_authority_is_not_trusted(authority: tuple[ssl.SSLContext, Path]) -> None:
    async with receiving(status(200), tls=authority[0]) as receiver:
        poster = HttpPoster(private_addresses=True)
        with pytest.raises(PostFailed, match="certificate is not trusted"):
            await poster.post(message(secure(receiver, "127.0.0.1")), timeout_s=20)
    assert receiver.posts == []


async def test_a_receiver_without_tls_fails() -> None:
    async with receiving(endless(b"", b"HTTP/1.1 200 OK\r\n\r\n")) as receiver:
        with pytest.raises(PostFailed):
            await posted(secure(receiver, "127.0.0.1"), timeout_s=0.3)


async def test_no_log_and_no_reason_has_the_secrets_of_a_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reasons = []
    async with receiving(status(200), hang_up) as receiver:
        url = f"http://us3r:passw0rd@127.0.0.1:{receiver.port}/p4th?t0ken=x"
        await posted(url)
        for poster in (HttpPoster(private_addresses=True, tls=TLS), HttpPoster(tls=TLS)):
            with pytest.raises(PostFailed) as failure:
                await poster.post(message(url), timeout_s=20)
            reasons.append(str(failure.value))
    said = caplog.text + "".join(reasons)
    assert caplog.records
    assert not [secret for secret in ("us3r", "passw0rd", "p4th", "t0ken", "s3ntence") if secret in said]
