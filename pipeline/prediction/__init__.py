"""Predictions of a segmenter for images without tags."""

from tag2mask.pipeline.prediction.folder import predict_folder
from tag2mask.pipeline.prediction.image_names import by_stem, image_files
from tag2mask.pipeline.prediction.network import full_size_logits
from tag2mask.pipeline.prediction.settings import PredictSettings

__all__ = ["PredictSettings", "by_stem", "full_size_logits", "image_files", "predict_folder"]
