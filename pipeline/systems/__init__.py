"""Systems on a mask dataset: their data, training, storage and use."""
