"""Models that sherpa-onnx runs, from a folder: `dragoman[sherpa]`."""
