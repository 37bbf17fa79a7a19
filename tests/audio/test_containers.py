from __future__ import annotations

import io
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

import recordings
from dragoman.audio.containers import CODECS, CONTAINERS, open_track
from dragoman.core.errors import EmptyAudio, UndecodableAudio

pytestmark = pytest.mark.unit

Write = Callable[[bytes], Path]


@pytest.fixture
def upload(tmp_path: Path) -> Write:
    """Writes a file without a telling name."""

    def write(content: bytes) -> Path:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return path

    return write


def seconds(path: Path) -> float:
    with open_track(path) as track:
        return round(sum(frame.samples / frame.sample_rate for frame in track.frames()), 6)


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_on_the_list_can_be_read(name: str) -> None:
    assert av.format.ContainerFormat(name, "r").is_input


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_on_the_list_is_an_audio_decoder(name: str) -> None:
    assert av.Codec(name, "r").type == "audio"


def test_the_name_of_a_file_means_nothing(sample: Callable[[str], Path], tmp_path: Path) -> None:
    speech = recordings.speech(sample("two_cities"), 16000, 1.0)[np.newaxis]
    for codec, container in (("pcm_s16le", "wav"), ("flac", "flac"), ("libmp3lame", "mp3"), ("aac", "ipod")):
        content = recordings.encode(speech, 16000, codec, container)
        for name in ("speech", "speech.mp3", "speech.wav", "speech.m3u8", "speech.txt", "speech.%03d.png"):
            path = tmp_path / name
            path.write_bytes(content)
            assert seconds(path) == pytest.approx(1.0, abs=0.1), (codec, name)


@pytest.fixture
def neighbour(tmp_path: Path, sample: Callable[[str], Path]) -> Path:
    """A recording that lies beside the upload, which an upload must not be able to reach."""
    path = tmp_path / "neighbour.wav"
    speech = recordings.speech(sample("two_cities"), 8000, 1.0)[np.newaxis]
    path.write_bytes(recordings.encode(speech, 8000, "pcm_s16le", "wav"))
    return path


@pytest.fixture
def web(neighbour: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of the same recording on a web server, and the requests that reached it."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(neighbour.read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/neighbour.wav", requests
        server.shutdown()
        thread.join()


PLAYLISTS = {
    "HLS": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n{}\n"
    "#EXT-X-ENDLIST\n",
    "HLS of playlists": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n{}\n",
    "M3U": "#EXTM3U\n#EXTINF:1,x\n{}\n",
    "PLS": "[playlist]\nNumberOfEntries=1\nFile1={}\n",
    "concat": "ffconcat version 1.0\nfile '{}'\nduration 1.0\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
    ' mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="audio/wav">'
    '<Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "SMIL": '<smil><body><audio src="{}"/></body></smil>',
    "ASX": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
    "ASF reference": "[Reference]\nRef1={}\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={}\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 0 RTP/AVP 0\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_no_upload_leads_to_another_file_or_address(
    kind: str, upload: Write, neighbour: Path, web: tuple[str, list[str]]
) -> None:
    address, requests = web
    for target in (neighbour.name, str(neighbour), f"file:{neighbour}", address, f"concat:{neighbour}"):
        with pytest.raises(UndecodableAudio):
            seconds(upload(PLAYLISTS[kind].format(target).encode()))
    assert requests == []


def test_a_playlist_does_lead_there_when_nothing_is_shut_off(neighbour: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "list.ffconcat"
    playlist.write_text(PLAYLISTS["concat"].format(neighbour.name))
    with av.open(str(playlist)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 8000
    with pytest.raises(UndecodableAudio):
        seconds(playlist)


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("recording.wav", recordings.wav(bytes(16000)))
    return file.getvalue()


def picture() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="image2pipe") as output:
        stream = output.add_stream("png")
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


NOT_RECORDINGS = {
    "zip": archive(),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + zlib.compress(bytes(range(256)) * 50),
    "text": b"Call me Ishmael. Some years ago, never mind how long precisely.\n" * 50,
    "web page": b"<!doctype html><html><body>404</body></html>",
    "JSON": b'{"error": "not found"}',
    "picture": picture(),
    "SubRip": b"1\n00:00:00,000 --> 00:00:02,000\nhello\n\n" * 20,
    "WebVTT": b"WEBVTT\n\n00:00.000 --> 00:02.000\nhello\n",
    "SubStation": b"[Script Info]\nScriptType: v4.00+\n[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,,,0,0,0,,hello\n",
    "zeros": bytes(100_000),
    "one byte": b"R",
    "a RIFF that is no WAV": b"RIFF\x24\0\0\0JUNKdata\0\0\0\0",
    "half a WAV header": recordings.wav(bytes(100))[:30],
    "a codec nobody has": recordings.wav(bytes(8000), encoding=0x1234),
    "no channels": recordings.wav(bytes(8000), channels=0),
    "no rate": recordings.wav(bytes(8000), rate=0),
    "tags alone": b"ID3\x04\0\0\0\0\0\x0aTIT2\0\0\0\0\0\0",
}


@pytest.mark.parametrize("kind", NOT_RECORDINGS)
def test_what_is_no_recording_is_refused(kind: str, upload: Write) -> None:
    with pytest.raises(UndecodableAudio):
        seconds(upload(NOT_RECORDINGS[kind]))


def test_a_video_without_sound_says_so(upload: Write) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            output.mux(stream.encode(image))
        output.mux(stream.encode(None))
    with pytest.raises(UndecodableAudio, match="no audio track"):
        seconds(upload(file.getvalue()))


def test_raw_pcm_is_not_guessed_and_the_message_says_what_to_do(sample: Callable[[str], Path], upload: Write) -> None:
    for start_s in range(1, 25, 4):
        samples = recordings.speech(sample("two_cities"), 16000, 3.0, start_s)
        for raw in (
            (samples * 32767).astype("<i2").tobytes(),
            (samples * 32767).astype(">i2").tobytes(),
            (samples * 127 + 128).astype("u1").tobytes(),
            samples.astype("<f4").tobytes(),
        ):
            with pytest.raises(UndecodableAudio, match=r"put raw PCM, .* into a WAV file"):
                seconds(upload(raw))


def test_an_empty_file_is_empty_audio(upload: Write) -> None:
    with pytest.raises(EmptyAudio):
        seconds(upload(b""))


def test_a_file_that_cannot_be_read_is_not_the_audio_s_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        seconds(tmp_path / "nothing")


def test_titles_in_an_old_character_set_do_no_harm(upload: Write) -> None:
    title = b"LIST\x12\0\0\0INFOINAM\x06\0\0\0Caf\xe9\xff\0"
    assert seconds(upload(recordings.wav(bytes(16000), before_format=title))) == 1.0


@pytest.mark.parametrize("claims", [0, 1 << 30, 0xFFFFFFFF])
def test_a_length_that_the_file_does_not_have_is_not_believed(claims: int, upload: Write) -> None:
    path = upload(recordings.wav(bytes(16000), claims=claims))
    with open_track(path) as track:
        assert track.duration_ms in (None, 1000)
    assert seconds(path) == 1.0


def test_the_length_in_a_header_without_the_audio_for_it_is_not_believed(
    sample: Callable[[str], Path], upload: Write
) -> None:
    speech = recordings.speech(sample("two_cities"), 16000, 2.0)[np.newaxis]
    content = bytearray(recordings.encode(speech, 16000, "flac", "flac"))
    with open_track(upload(bytes(content))) as track:
        assert track.stated_ms == 2000
    content[22:26] = b"\xff\xff\xff\xff"  # the low bits of the number of samples: 74 hours
    with open_track(upload(bytes(content))) as track:
        assert track.stated_ms is None
    assert seconds(upload(bytes(content))) == 2.0


def test_the_length_of_a_bare_stream_is_an_estimate(sample: Callable[[str], Path], upload: Write) -> None:
    speech = recordings.speech(sample("two_cities"), 16000, 2.0)[np.newaxis]
    for codec, container in (("libmp3lame", "mp3"), ("aac", "adts")):
        with open_track(upload(recordings.encode(speech, 16000, codec, container))) as track:
            assert track.stated_ms is None
            assert track.duration_ms is not None


def test_a_place_that_cannot_be_harms_neither_this_file_nor_the_next(
    sample: Callable[[str], Path], upload: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    speech = recordings.speech(sample("two_cities"), 8000, 1.0)[np.newaxis]
    content = bytearray(recordings.encode(speech, 8000, "pcm_s16le", "caf"))
    size = content.index(b"info") + 4
    content[size : size + 8] = (0x7FFF_FFFF_FFFF_0000).to_bytes(8, "big")
    for _ in range(2):
        with suppress(UndecodableAudio):
            seconds(upload(bytes(content)))
        assert seconds(upload(recordings.wav(bytes(16000)))) == 1.0
    assert capfd.readouterr() == ("", "")


def test_a_picture_that_joins_late_does_not_stop_the_sound(upload: Write) -> None:
    sound = recordings.encode(np.zeros((1, 20 * 44100), np.float32), 44100, "libmp3lame", "flv")
    picture = b"\x22" + bytes(20)
    tag = b"\x09" + len(picture).to_bytes(3, "big") + (20_000).to_bytes(3, "big") + bytes(4) + picture
    alone = seconds(upload(sound))
    assert alone == pytest.approx(20, abs=0.1)
    assert seconds(upload(sound + tag + len(tag).to_bytes(4, "big"))) == alone


def damaged(recording: bytes, seed: int) -> bytes:
    """A recording with one kind of damage: bytes changed, numbers made extreme, parts lost, doubled or put in."""
    chance = np.random.default_rng(seed)
    content = bytearray(recording)
    at = int(chance.integers(len(content) if chance.random() < 0.5 else min(256, len(content))))
    size = int(chance.integers(1, 2000))
    match int(chance.integers(6)):
        case 0:
            for place in chance.integers(0, len(content), 20):
                content[place] = int(chance.integers(256))
        case 1:
            number = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x40"][int(chance.integers(4))]
            content[at : at + 4] = number
        case 2:
            del content[at:]
        case 3:
            del content[at : at + size]
        case 4:
            content[at:at] = content[at : at + size]
        case _:
            content[at : at + size] = chance.bytes(size)
    return bytes(content)


DAMAGED = [
    ("pcm_s16le", "wav", 8000),
    ("adpcm_ms", "wav", 8000),
    ("pcm_s16be", "aiff", 8000),
    ("flac", "flac", 16000),
    ("libmp3lame", "mp3", 16000),
    ("aac", "adts", 16000),
    ("aac", "ipod", 16000),
    ("aac", "mpegts", 16000),
    ("libopus", "ogg", 48000),
    ("libopus", "webm", 48000),
]


@pytest.mark.parametrize(("codec", "container", "rate"), DAMAGED)
def test_damage_ends_in_audio_or_in_an_answer(
    codec: str,
    container: str,
    rate: int,
    sample: Callable[[str], Path],
    upload: Write,
    capfd: pytest.CaptureFixture[str],
) -> None:
    speech = recordings.speech(sample("two_cities"), rate, 0.5)[np.newaxis]
    content = recordings.encode(speech, rate, codec, container)
    decoded = 0
    for seed in range(40):
        with suppress(UndecodableAudio, EmptyAudio):
            decoded += seconds(upload(damaged(content, seed))) > 0
    assert decoded > 0
    assert capfd.readouterr() == ("", "")
