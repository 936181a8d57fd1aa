"""Work on a single case: what of a patient's file is worth asking others, and what they say."""
