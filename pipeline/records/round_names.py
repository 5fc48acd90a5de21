"""Names of the rounds of a labeling run, which are also the names of their tables and models."""

# In the order of a run; a recipe may skip the random walk of the seeds.
ROUND_NAMES = ("seed", "affinity", "initial", "enhanced", "powerful")
SEED, AFFINITY, INITIAL, ENHANCED, POWERFUL = ROUND_NAMES
# The source of masks that people have drawn or confirmed, beside the names of rounds.
HUMAN = "human"
