"""Systems on a mask dataset: what they see, how they are trained, stored and used."""
