"""MongoDB: where a national node keeps its genomes."""
