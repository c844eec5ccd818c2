"""The studio: people vote on pairs of answers and label samples and answers, blind to whose these are."""
