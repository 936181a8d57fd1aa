"""The pages that people look variants up with, served beside the API by the same process."""
