"""The embedded recogniser: Moonshine tiny English, run with onnxruntime."""
