"""Whisper models in CTranslate2's format, from a folder: `dragoman[whisper]`."""
