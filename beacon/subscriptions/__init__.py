"""Standing questions: asked again when data change, and told of only when the answer turns."""
